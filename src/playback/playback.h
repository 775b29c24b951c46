#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "archive/archive.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "media/grant.h"
#include "playback/clip.h"
#include "playback/clip_plan.h"
#include "playback/hls.h"
#include "playback/index_cache.h"
#include "playback/live_window.h"
#include "playback/media_segment.h"

namespace longtake::playback {

/// Which time of a recording a playlist is for: neither, the last minute as it goes on; `from`, all since; both, that.
struct PlaylistRange {
  std::optional<WallTime> from;
  std::optional<WallTime> to;
};

/// Makes what players ask for out of what the archive holds.
///
/// Thread     any.
/// Limits     base/limits.h, "Playback".
/// Errors     kInvalidArgument: a range turned round, over 24 h, or to come. kNotFound: nothing recorded there, or no such
///            address. kUnavailable: nothing there yet; ask again. Of the archive.
/// Source     docs/design/playback.md.
class Playback {
 public:
  Playback(archive::Archive& archive, const base::Clock& clock)
      : archive_(archive), clock_(clock), cache_(archive) {}

  Result<std::string> multivariant_playlist(const media::ReadGrant& grant, PlaylistRange range,
                                            const PlaylistAddresses& addresses);
  Result<std::string> media_playlist(const media::ReadGrant& grant, media::TrackKind kind,
                                     PlaylistRange range, const PlaylistAddresses& addresses);
  /// The init segment with that hash.
  Result<std::shared_ptr<Body>> init_segment(const media::ReadGrant& grant,
                                             const std::string& hash);
  Result<std::shared_ptr<Body>> media_segment(const media::ReadGrant& grant,
                                              const MediaAddress& address);
  /// As plan_clip and make_clip. kResourceExhausted: limits::kClips are on their way.
  Result<ClipPlan> plan_clip(const media::ReadGrant& grant, TimeRange within,
                             ClipConflict& conflict);
  Result<std::shared_ptr<Body>> clip(const media::ReadGrant& grant, ClipPlan plan);

 private:
  struct Asked {
    MediaList list;
    PlaylistKind kind = PlaylistKind::kVod;
  };
  Result<Asked> ask(const media::ReadGrant& grant, PlaylistRange range);
  void remember(const MediaList& list);

  archive::Archive& archive_;
  const base::Clock& clock_;
  IndexCache cache_;
  LiveWindow window_;
  // Of clips on their way; shared with each, which may be the last to go.
  std::shared_ptr<std::atomic<int>> clips_ = std::make_shared<std::atomic<int>>(0);
  base::Mutex mutex_;
  std::map<std::string, media::TrackConfigPtr> inits_ LT_GUARDED_BY(mutex_);  // by hash
  std::deque<std::string> init_order_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::playback
