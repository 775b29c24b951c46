#include "playback/media_list.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/limits.h"
#include "isobmff/init.h"

namespace longtake::playback {
namespace {

/// GOPs of less than three seconds are joined to parts of three to six; longer ones are parts of their own.
constexpr microseconds kPartCell = seconds(3);
/// How far behind the range a GOP's end is looked for.
constexpr microseconds kLookAhead = seconds(10);
/// Time between two fragments of a run that is no hole, beyond what the recorder already called jitter.
constexpr microseconds kJitter = milliseconds(250);
/// A run that sent nothing for so long does not go on: its last part is whole.
constexpr microseconds kSettled = seconds(30);

std::int64_t cell_of(WallTime time) { return time.time_since_epoch() / kPartCell; }

/// Takes fragments in order of time and cuts them into parts.
class PartCutter {
 public:
  PartCutter(TimeRange within, ListEnd end, MediaList& into)
      : within_(within), list_end_(end), list_(into) {}

  /// False when the range is behind us.
  Result<bool> add(const media::FragmentIndex& index);
  void finish(WallTime now, bool is_open);
  /// Adds the sound of one segment to the parts it belongs to.
  void add_audio(const media::FragmentIndex& index);

 private:
  Result<std::size_t> set_of(const std::vector<media::TrackConfigPtr>& tracks);
  void on_fragment(const media::FragmentIndex& index, const media::FragmentEntry& fragment,
                   std::size_t set);
  void close(WallTime at);

  const TimeRange within_;
  const ListEnd list_end_;
  MediaList& list_;
  std::optional<MediaPart> open_;
  WallTime end_;  // of the last fragment
  bool has_ended_ = false;
  std::size_t audio_part_ = 0;  // to which the last sound belonged
  bool is_cut_ = false;         // something ended since the last part began
};

Result<std::size_t> PartCutter::set_of(const std::vector<media::TrackConfigPtr>& tracks) {
  const media::TrackConfigPtr video = track_of(tracks, media::TrackKind::kVideo);
  const media::TrackConfigPtr audio = track_of(tracks, media::TrackKind::kAudio);
  const auto same = [](const TrackInit& have, const media::TrackConfigPtr& want) {
    if (!have.track || !want) return have.track == want;
    return have.track->track == want->track && have.track->timescale_hz == want->timescale_hz &&
           have.track->decoder_config == want->decoder_config;
  };
  for (std::size_t i = list_.sets.size(); i-- > 0;) {
    if (same(list_.sets[i].video, video) && same(list_.sets[i].audio, audio)) return i;
  }
  TrackSet set;
  for (const auto& [track, into] : {std::pair(video, &set.video), std::pair(audio, &set.audio)}) {
    if (!track) continue;
    LT_ASSIGN(NamedInit init, make_named_init(track));
    *into = {track, std::move(init.hash)};
  }
  list_.sets.push_back(std::move(set));
  return list_.sets.size() - 1;
}

Result<bool> PartCutter::add(const media::FragmentIndex& index) {
  LT_ASSIGN(const std::size_t set, set_of(index.tracks));
  const media::TrackConfigPtr& primary = list_.sets[set].primary().track;
  if (!primary) return true;
  for (const media::FragmentEntry& fragment : index.fragments) {
    if (fragment.track == primary->track && !has_ended_) on_fragment(index, fragment, set);
  }
  return !has_ended_;
}

void PartCutter::on_fragment(const media::FragmentIndex& index,
                             const media::FragmentEntry& fragment, std::size_t set) {
  const bool goes_on = open_ && open_->run == index.segment.run && open_->set == set &&
                       fragment.covered().start <= end_ + kJitter;
  if (open_ && !goes_on) {
    close(end_);
    is_cut_ = true;
  }
  if (fragment.is_sync) {
    const bool is_new_cell = open_ && cell_of(fragment.wall_start) != cell_of(open_->range.start);
    if (fragment.wall_start >= within_.end) {
      // What the range cuts short would be another part for a range that ends later.
      if (open_ && (is_new_cell || list_end_ == ListEnd::kAsItIs)) close(fragment.wall_start);
      open_.reset();
      has_ended_ = true;
      return;
    }
    if (open_ && (is_new_cell || fragment.wall_start <= within_.start)) close(fragment.wall_start);
    if (!open_) {
      open_ = MediaPart{.run = index.segment.run,
                        .range = {fragment.wall_start, fragment.wall_start},
                        .is_discontinuous = is_cut_ && !list_.parts.empty(),
                        .set = set};
      is_cut_ = false;
    }
  }
  if (!open_) return;  // the rest of a GOP whose beginning is gone
  open_->primary_bytes += fragment.size_bytes - fragment.record_bytes;
  end_ = fragment.wall_start + fragment.wall_duration;
}

void PartCutter::close(WallTime at) {
  open_->range.end = at;
  if (at > within_.start && open_->range.start < within_.end) {
    list_.parts.push_back(*open_);
  }
  open_.reset();
}

void PartCutter::finish(WallTime now, bool is_open) {
  if (!open_) return;
  const bool may_grow = is_open || now - end_ < kSettled;
  if (list_end_ == ListEnd::kAsItIs || !may_grow) close(end_);
  open_.reset();
}

void PartCutter::add_audio(const media::FragmentIndex& index) {
  const media::TrackConfigPtr audio = track_of(index.tracks, media::TrackKind::kAudio);
  if (!audio) return;
  for (const media::FragmentEntry& fragment : index.fragments) {
    if (fragment.track != audio->track) continue;
    const WallTime at = middle_of(fragment);
    if (list_.parts.empty() || at < list_.parts.front().range.start) continue;
    // They come in order, mostly: the part is the same as before, or the next.
    if (at < list_.parts[audio_part_].range.start) audio_part_ = 0;
    while (audio_part_ + 1 < list_.parts.size() && list_.parts[audio_part_ + 1].range.start <= at)
      ++audio_part_;
    MediaPart& part = list_.parts[audio_part_];
    if (part.run == index.segment.run && middle_of(fragment) < part.range.end)
      part.audio_bytes += fragment.size_bytes - fragment.record_bytes;
  }
}

}  // namespace

media::TrackConfigPtr track_of(const std::vector<media::TrackConfigPtr>& tracks,
                               media::TrackKind kind) {
  const auto found = std::ranges::find(tracks, kind, [](const auto& track) { return track->kind; });
  return found == tracks.end() ? nullptr : *found;
}

media::TrackConfigPtr primary_track(const std::vector<media::TrackConfigPtr>& tracks) {
  media::TrackConfigPtr video = track_of(tracks, media::TrackKind::kVideo);
  return video ? video : track_of(tracks, media::TrackKind::kAudio);
}

Result<NamedInit> make_named_init(const media::TrackConfigPtr& track) {
  const media::TrackConfigPtr one[] = {track};
  LT_ASSIGN(Bytes bytes, isobmff::make_init(one));
  const base::Sha256 digest = base::sha256({bytes});
  return NamedInit{base::to_hex(std::span(digest).first(8)), std::move(bytes)};
}

Result<MediaList> make_media_list(archive::Archive& archive, IndexCache& cache,
                                  const media::ReadGrant& grant, TimeRange within, ListEnd end,
                                  WallTime now) {
  const TimeRange asked{within.start, within.end + kLookAhead};
  LT_ASSIGN(const auto infos,
            archive.segments(grant.recording(), asked, limits::kPlaylistSegments + 1));
  if (infos.size() > limits::kPlaylistSegments) {
    return fail(ErrorCode::kInvalidArgument,
                "more segments touch that range than one list may name; ask for a shorter one");
  }
  MediaList list;
  PartCutter cutter(within, end, list);
  std::vector<archive::SegmentIndexPtr> used;
  bool is_open = false;
  for (const archive::SegmentInfo& info : infos) {
    const auto index = cache.get(grant.recording(), info);
    if (!index && is_lost(index.error().code())) continue;
    // Being recovered: left out of a list that is asked for again, where it may appear yet.
    if (!index && index.error().code() == ErrorCode::kUnavailable) continue;
    if (!index) return std::unexpected(index.error());
    used.push_back(*index);
    is_open = info.is_open;
    LT_ASSIGN(const bool goes_on, cutter.add(**index));
    if (!goes_on) break;
  }
  cutter.finish(now, is_open);
  for (const archive::SegmentIndexPtr& index : used) cutter.add_audio(*index);
  return list;
}

}  // namespace longtake::playback
