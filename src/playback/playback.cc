#include "playback/playback.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace longtake::playback {
namespace {

constexpr microseconds kWindow = seconds(60);
constexpr std::size_t kInits = 1024;
/// Where an init segment is looked for that nobody asked a playlist for since the start.
constexpr microseconds kInitSearch = std::chrono::hours(24);

Result<void> check(PlaylistRange range, WallTime now) {
  if (range.to && !range.from)
    return fail(ErrorCode::kInvalidArgument, "`to` goes with `from`; give both, one or neither");
  if (!range.from) return {};
  const WallTime end = range.to.value_or(now);
  if (*range.from >= now && !range.to) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} is in the future", to_string(*range.from)));
  }
  if (*range.from >= end) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} is not before to {}", to_string(*range.from), to_string(end)));
  }
  if (end - *range.from > limits::kPlaylistSpan) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} to {} is more than the 24 h one playlist may have; ask in several",
                            to_string(*range.from), to_string(end)));
  }
  return {};
}

}  // namespace

Result<Playback::Asked> Playback::ask(const media::ReadGrant& grant, PlaylistRange range) {
  const WallTime now = clock_.wall_now();
  LT_TRY(check(range, now));
  Asked asked;
  // Without an end, as far as the recorder's clock may be ahead of the one we asked a moment ago.
  const WallTime open_end = now + seconds(60);
  TimeRange within{now - kWindow, open_end};
  asked.kind = PlaylistKind::kLive;
  if (range.from) {
    asked.kind = range.to ? PlaylistKind::kVod : PlaylistKind::kGrowing;
    within = {*range.from, range.to.value_or(open_end)};
  }
  const ListEnd end = range.to ? ListEnd::kAsItIs : ListEnd::kStable;
  LT_ASSIGN(asked.list, make_media_list(archive_, cache_, grant, within, end, now));
  // The window begins anywhere in its first part, so that this one is another each time; the next is not.
  if (asked.kind == PlaylistKind::kLive && asked.list.parts.size() > 1)
    asked.list.parts.erase(asked.list.parts.begin());
  if (!asked.list.parts.empty()) {
    remember(asked.list);
    return asked;
  }
  LT_ASSIGN(const archive::RecordingStatus status, archive_.recording(grant.recording()));
  if (!range.to && status.state == archive::RecordingState::kRecording) {
    return fail(ErrorCode::kUnavailable,
                "the first pictures are being recorded; ask again in a moment");
  }
  return fail(
      ErrorCode::kNotFound,
      fmt::format(
          "nothing is recorded in that time; \"{}\" has footage {}", grant.recording(),
          status.first && status.last
              ? fmt::format("from {} to {}", to_string(*status.first), to_string(*status.last))
              : "of no time yet"));
}

void Playback::remember(const MediaList& list) {
  const base::MutexLock lock(mutex_);
  for (const TrackSet& set : list.sets) {
    for (const TrackInit* init : {&set.video, &set.audio}) {
      if (!init->track || !inits_.emplace(init->hash, init->track).second) continue;
      init_order_.push_back(init->hash);
      if (init_order_.size() > kInits) {
        inits_.erase(init_order_.front());
        init_order_.pop_front();
      }
    }
  }
}

Result<std::string> Playback::multivariant_playlist(const media::ReadGrant& grant,
                                                    PlaylistRange range,
                                                    const PlaylistAddresses& addresses) {
  LT_ASSIGN(const Asked asked, ask(grant, range));
  return make_multivariant_playlist(asked.list, addresses);
}

Result<std::string> Playback::media_playlist(const media::ReadGrant& grant, media::TrackKind kind,
                                             PlaylistRange range,
                                             const PlaylistAddresses& addresses) {
  LT_ASSIGN(Asked asked, ask(grant, range));
  const bool is_there = std::ranges::any_of(asked.list.sets, [&](const TrackSet& set) {
    return (kind == media::TrackKind::kVideo ? set.video : set.audio).track != nullptr;
  });
  if (!is_there) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no {} was recorded in that time",
                            kind == media::TrackKind::kVideo ? "picture" : "sound"));
  }
  LiveWindow::Numbers numbers;
  if (asked.kind == PlaylistKind::kLive) numbers = window_.number(grant.recording(), asked.list);
  return make_media_playlist(asked.list, kind, asked.kind, numbers, addresses);
}

Result<std::shared_ptr<Body>> Playback::init_segment(const media::ReadGrant& grant,
                                                     const std::string& hash) {
  const auto known = [&]() -> media::TrackConfigPtr {
    const base::MutexLock lock(mutex_);
    const auto found = inits_.find(hash);
    return found == inits_.end() ? nullptr : found->second;
  };
  media::TrackConfigPtr track = known();
  if (!track) {
    // A player that goes on after we started anew: a list of the last day brings its hashes back.
    const WallTime now = clock_.wall_now();
    LT_ASSIGN(const archive::RecordingStatus status, archive_.recording(grant.recording()));
    const WallTime end = status.last.value_or(now);
    LT_ASSIGN(
        const MediaList list,
        make_media_list(archive_, cache_, grant, {end - kInitSearch, end}, ListEnd::kAsItIs, now));
    remember(list);
    track = known();
  }
  if (!track)
    return fail(ErrorCode::kNotFound, "there is no such init segment; load the list anew");
  LT_ASSIGN(NamedInit init, make_named_init(track));
  auto body = std::make_shared<SliceList>();
  body->append(std::move(init.bytes));
  return body;
}

Result<std::shared_ptr<Body>> Playback::media_segment(const media::ReadGrant& grant,
                                                      const MediaAddress& address) {
  return make_media_segment(archive_, cache_, grant, address);
}

Result<ClipPlan> Playback::plan_clip(const media::ReadGrant& grant, TimeRange within,
                                     ClipConflict& conflict) {
  const WallTime now = clock_.wall_now();
  if (within.start >= now) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} is in the future", to_string(within.start)));
  }
  return playback::plan_clip(archive_, grant, within, conflict);
}

Result<std::shared_ptr<Body>> Playback::clip(const media::ReadGrant& grant, ClipPlan plan) {
  // Counted before it is judged: of two that come at once, one is refused at most.
  const bool is_too_many = clips_->fetch_add(1) >= limits::kClips;
  const auto count = std::shared_ptr<void>(nullptr, [clips = clips_](void*) { --*clips; });
  if (is_too_many) {
    return fail(
        ErrorCode::kResourceExhausted,
        fmt::format("{} clips are on their way; ask again when one is done", limits::kClips));
  }
  std::unique_ptr<Body> body = make_clip(archive_, grant, std::move(plan));
  return std::shared_ptr<Body>(body.release(), [count](Body* done) { delete done; });
}

}  // namespace longtake::playback
