#include "playback/clip_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/limits.h"
#include "isobmff/samples.h"
#include "playback/media_list.h"
#include "playback/media_segment.h"

namespace longtake::playback {
namespace {

constexpr microseconds kJitter = milliseconds(250);
/// Sound that begins so little before a part's picture belongs to it; it is moved by no more than that.
constexpr microseconds kSoundLead = milliseconds(40);

bool is_same(const media::TrackConfigPtr& one, const media::TrackConfigPtr& other) {
  if (!one || !other) return one == other;
  return one->track == other->track && one->timescale_hz == other->timescale_hz &&
         one->decoder_config == other->decoder_config && one->width == other->width &&
         one->height == other->height;
}

/// Takes the segments of a range in order and lays their fragments out.
class Planner {
 public:
  Planner(archive::Archive& archive, const media::ReadGrant& grant, TimeRange within)
      : archive_(archive), grant_(grant), within_(within) {}

  void add(const media::FragmentIndex& index);
  Result<ClipPlan> finish(ClipConflict& conflict);

 private:
  /// Media without a hole: both tracks begin at `movie_start`.
  struct Part {
    media::RunId run;
    TimeRange range;
    microseconds movie_start{0};
  };
  struct Placed {
    ClipFragment fragment;
    std::size_t track = 0;
    media::RunId run;
    WallTime start;
    WallTime end;
    std::int64_t composition_ticks = 0;
  };
  /// A stretch with the same parameters.
  struct Stretch {
    media::TrackConfigPtr video;
    media::TrackConfigPtr audio;
    TimeRange range;
  };

  bool take_tracks(const media::FragmentIndex& index);
  void add_primary(const media::FragmentEntry& entry, media::RunId run);
  void place(const media::FragmentEntry& entry, media::RunId run, std::size_t track);
  [[nodiscard]] const Part* part_of(const Placed& placed) const;
  Result<microseconds> overhang(const Part& part) const;
  Result<void> lay_out(ClipPlan& plan);
  void lay_out_track(ClipPlan& plan, std::size_t track, std::vector<const Part*>& parts);

  archive::Archive& archive_;
  const media::ReadGrant& grant_;
  const TimeRange within_;
  std::vector<Stretch> stretches_;
  std::vector<Placed> placed_;
  std::vector<Part> parts_;
  std::vector<media::SegmentId> segments_;
  std::string identity_;
  bool has_ended_ = false;
};

bool Planner::take_tracks(const media::FragmentIndex& index) {
  const auto video = track_of(index.tracks, media::TrackKind::kVideo);
  const auto audio = track_of(index.tracks, media::TrackKind::kAudio);
  const auto spans = index.spans();
  if ((!video && !audio) || spans.empty()) return false;
  const bool is_new = stretches_.empty() || !is_same(stretches_.back().video, video) ||
                      !is_same(stretches_.back().audio, audio);
  if (is_new) stretches_.push_back({video, audio, spans.front()});
  stretches_.back().range.end = spans.back().end;
  return true;
}

void Planner::add(const media::FragmentIndex& index) {
  if (has_ended_ || !take_tracks(index)) return;
  const Stretch& stretch = stretches_.back();
  const media::TrackConfigPtr& primary = stretch.video ? stretch.video : stretch.audio;
  segments_.push_back(index.segment);
  for (const media::FragmentEntry& entry : index.fragments) {
    if (entry.track == primary->track) {
      add_primary(entry, index.segment.run);
    } else if (stretch.audio && entry.track == stretch.audio->track) {
      place(entry, index.segment.run, 1);
    }
  }
}

void Planner::add_primary(const media::FragmentEntry& entry, media::RunId run) {
  if (entry.wall_start >= within_.end) has_ended_ = true;
  if (has_ended_) return;
  const bool goes_on = !parts_.empty() && parts_.back().run == run &&
                       entry.covered().start <= parts_.back().range.end + kJitter;
  if (entry.is_sync && entry.wall_start <= within_.start) {
    // What came before decodes nothing that is asked for.
    std::erase_if(placed_, [](const Placed& one) { return one.track == 0; });
    parts_.clear();
  }
  if (parts_.empty() || !goes_on) {
    if (!entry.is_sync) return;  // the rest of a GOP whose beginning is gone
    parts_.push_back({run, {entry.wall_start, entry.wall_start}, {}});
  }
  parts_.back().range.end = entry.wall_start + entry.wall_duration;
  place(entry, run, 0);
}

void Planner::place(const media::FragmentEntry& entry, media::RunId run, std::size_t track) {
  placed_.push_back({.fragment = {.offset_bytes = entry.offset_bytes,
                                  .segment = static_cast<std::uint32_t>(segments_.size() - 1),
                                  .record_bytes = entry.record_bytes,
                                  .head_bytes = entry.head_bytes,
                                  .size_bytes = entry.size_bytes,
                                  .sample_count = entry.sample_count,
                                  .is_sync = entry.is_sync},
                     .track = track,
                     .run = run,
                     .start = entry.wall_start,
                     .end = entry.wall_start + entry.wall_duration,
                     .composition_ticks = entry.composition_ticks});
}

const Planner::Part* Planner::part_of(const Placed& placed) const {
  const WallTime lead = placed.start + kSoundLead;
  const auto after =
      std::ranges::upper_bound(parts_, lead, {}, [](const Part& part) { return part.range.start; });
  if (after == parts_.begin()) return nullptr;
  const Part& part = *std::prev(after);
  return part.run == placed.run && placed.start < part.range.end ? &part : nullptr;
}

/// How far the last pictures of a part are shown behind its end: where it was torn off between pictures that are shown in
/// another order than they were sent in.
Result<microseconds> Planner::overhang(const Part& part) const {
  const Placed* last = nullptr;
  std::int64_t delay = 0;
  for (const Placed& one : placed_) {
    if (one.track != 0 || one.run != part.run || one.start >= part.range.end) continue;
    if (one.fragment.is_sync) delay = one.composition_ticks;
    last = &one;
  }
  if (last == nullptr || delay == 0) return microseconds(0);
  LT_ASSIGN(const archive::SegmentFile file,
            archive_.open_segment(grant_.recording(), segments_[last->fragment.segment]));
  Bytes head(last->fragment.head_bytes);
  LT_TRY(file.file->read_at(last->fragment.offset_bytes, head));
  LT_ASSIGN(const isobmff::MovieFragment read, isobmff::read_samples(head));
  std::int64_t shown_until = 0;
  for (const isobmff::Sample& sample : read.samples) {
    shown_until =
        std::max(shown_until, sample.decode_ticks - read.decode_ticks + sample.composition_ticks -
                                  delay + std::int64_t{sample.duration_ticks});
  }
  const std::int64_t hz = stretches_.back().video->timescale_hz;
  const microseconds length(shown_until * 1'000'000 / hz);
  return std::max(length - (last->end - last->start), microseconds(0));
}

Result<void> Planner::lay_out(ClipPlan& plan) {
  microseconds at{0};
  for (Part& part : parts_) {
    if (&part != parts_.data())
      plan.gaps.push_back({std::prev(&part)->range.end, part.range.start});
    part.movie_start = at;
    at += part.range.length();
    if (&part == &parts_.back()) break;
    LT_ASSIGN(const microseconds more, overhang(part));
    at += more;
  }
  std::erase_if(placed_, [&](const Placed& one) { return part_of(one) == nullptr; });
  plan.range = {std::max(within_.start, parts_.front().range.start),
                std::min(within_.end, parts_.back().range.end)};
  plan.duration = at - (plan.range.start - parts_.front().range.start) -
                  (parts_.back().range.end - plan.range.end);
  std::vector<const Part*> parts;
  for (const Placed& one : placed_) {
    parts.push_back(part_of(one));
    plan.fragments.push_back(one.fragment);
    plan.fragments.back().payload_start = plan.payload_bytes;
    plan.payload_bytes += one.fragment.payload_bytes();
    plan.tracks[one.track].fragments.push_back(
        static_cast<std::uint32_t>(plan.fragments.size() - 1));
  }
  for (std::size_t track = 0; track < plan.tracks.size(); ++track)
    lay_out_track(plan, track, parts);
  std::erase_if(plan.tracks, [](const ClipTrack& track) { return track.fragments.empty(); });
  return {};
}

void Planner::lay_out_track(ClipPlan& plan, std::size_t number, std::vector<const Part*>& parts) {
  ClipTrack& track = plan.tracks[number];
  if (track.fragments.empty()) return;
  const std::uint32_t hz = track.config->timescale_hz;
  // Where the first sample of a fragment is presented, from the clip's first sync sample on.
  const auto presented = [&](std::uint32_t i) {
    return parts[i]->movie_start + (placed_[i].start - parts[i]->range.start);
  };
  const std::uint32_t first = track.fragments.front();
  const microseconds begin = presented(first);
  const std::int64_t delay = placed_[first].composition_ticks;
  ClipFragment* before = nullptr;
  std::int64_t gop_delay = delay;
  for (const std::uint32_t i : track.fragments) {
    ClipFragment& fragment = plan.fragments[i];
    const Placed& placed = placed_[i];
    // Wall times are decode times and the picture's delay, which a GOP's first picture tells.
    if (fragment.is_sync) gop_delay = placed.composition_ticks;
    fragment.start_ticks = utc_ticks(WallTime(presented(i) - begin), hz) + delay - gop_delay;
    if (before != nullptr) {
      fragment.start_ticks =
          std::max(fragment.start_ticks, before->start_ticks + before->sample_count);
      before->end_ticks = fragment.start_ticks;
    }
    fragment.first_sample = track.sample_count;
    fragment.sync_before = track.sync_count;
    track.sample_count += fragment.sample_count;
    track.sync_count += fragment.is_sync ? 1 : 0;
    track.has_composition = track.has_composition || placed.composition_ticks != 0;
    fragment.end_ticks = fragment.start_ticks + utc_ticks(WallTime(placed.end - placed.start), hz);
    fragment.end_ticks = std::max(fragment.end_ticks, fragment.start_ticks + fragment.sample_count);
    before = &fragment;
  }
  const microseconds from = plan.range.start - parts_.front().range.start;
  track.empty = std::max(begin - from, microseconds(0));
  track.media_start_ticks =
      delay + utc_ticks(WallTime(std::max(from - begin, microseconds(0))), hz);
}

Result<ClipPlan> Planner::finish(ClipConflict& conflict) {
  if (stretches_.size() > 1) {
    for (const Stretch& stretch : stretches_) {
      // To the millisecond, as times are told: no further than the stretch goes.
      const TimeRange range{
          std::chrono::ceil<milliseconds>(std::max(stretch.range.start, within_.start)),
          std::chrono::floor<milliseconds>(std::min(stretch.range.end, within_.end))};
      if (!range.is_empty()) conflict.ranges.push_back(range);
    }
    if (conflict.ranges.size() > 1) {
      return fail(ErrorCode::kFailedPrecondition,
                  "the codec, its parameters or the picture's size change in that range; ask for "
                  "one clip for each of these");
    }
  }
  // The last GOP before a hole in which the range begins is of no use to it.
  std::erase_if(parts_, [&](const Part& part) { return part.range.end <= within_.start; });
  if (parts_.empty()) return fail(ErrorCode::kNotFound, "nothing is recorded in that time");
  ClipPlan plan;
  const Stretch& stretch = stretches_.back();
  plan.tracks.push_back({.config = stretch.video ? stretch.video : stretch.audio, .fragments = {}});
  if (stretch.video && stretch.audio)
    plan.tracks.push_back({.config = stretch.audio, .fragments = {}});
  plan.segments = segments_;
  LT_TRY(lay_out(plan));
  for (const ClipFragment& fragment : plan.fragments) {
    const media::SegmentId& id = plan.segments[fragment.segment];
    identity_ +=
        fmt::format("{} {} {}\n", media::to_string(id), fragment.offset_bytes, fragment.size_bytes);
  }
  identity_ += fmt::format("{} {}", plan.range.start.time_since_epoch().count(),
                           plan.range.end.time_since_epoch().count());
  const base::Sha256 digest = base::sha256({as_bytes(identity_)});
  plan.etag = fmt::format("\"{}\"", base::to_hex(std::span(digest).first(16)));
  return plan;
}

}  // namespace

Result<ClipPlan> plan_clip(archive::Archive& archive, const media::ReadGrant& grant,
                           TimeRange within, ClipConflict& conflict) {
  if (within.is_empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} is not before to {}", longtake::to_string(within.start),
                            longtake::to_string(within.end)));
  }
  if (within.length() > limits::kPlaylistSpan) {
    return fail(ErrorCode::kInvalidArgument,
                "that is more than the 24 h one clip may have; ask for several");
  }
  LT_ASSIGN(const auto infos,
            archive.segments(grant.recording(), within, limits::kPlaylistSegments + 1));
  if (infos.size() > limits::kPlaylistSegments)
    return fail(ErrorCode::kInvalidArgument, "more files than one clip may touch; ask for less");
  Planner planner(archive, grant, within);
  for (const archive::SegmentInfo& info : infos) {
    // Not by the cache: a day's indexes, read once, would drive out what people are watching.
    const auto index = archive.segment_index(grant.recording(), info.id);
    if (!index && is_lost(index.error().code())) continue;  // a gap, which is told
    if (!index) return std::unexpected(index.error());
    planner.add(**index);
  }
  return planner.finish(conflict);
}

}  // namespace longtake::playback
