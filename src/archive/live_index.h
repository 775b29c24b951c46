#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "media/fragment_index.h"

namespace longtake::archive {

/// A segment that the catalog does not yet list as closed.
struct LiveSegment {
  std::string
      path;  // within the volume: "recordings/front-0011223344556677/20260131/5000003-12.mp4"
  std::shared_ptr<const media::FragmentIndex> index;
  std::uint64_t durable_bytes = 0;  // of the file, known to survive a power cut
  bool is_closed = false;           // summary written; its SegmentClosed fact is on its way
};

/// One recording as it is right now. Immutable; swapped whole at each append and commit.
struct LiveRecording {
  std::vector<LiveSegment> segments;  // oldest first
  WallTime durable_until;    // contiguous: all recorded before it is durable; epoch when nothing is
  media::RunId durable_run;  // whose media it is by
};
using LiveRecordingPtr = std::shared_ptr<const LiveRecording>;

/// Where readers find it. A reader takes this snapshot first and asks the catalog second: a segment leaves the snapshot
/// only after the catalog lists it, so it is never in neither; one that is in both counts once.
///
/// Thread     `load` from any thread; `store` from the writer and the committer, which order themselves.
class LiveIndex {
 public:
  [[nodiscard]] LiveRecordingPtr load() const {
    const base::MutexLock lock(mutex_);
    return current_;
  }
  void store(LiveRecordingPtr next) {
    const base::MutexLock lock(mutex_);
    current_ = std::move(next);
  }

 private:
  mutable base::Mutex mutex_;
  LiveRecordingPtr current_ LT_GUARDED_BY(mutex_) = std::make_shared<const LiveRecording>();
};

}  // namespace longtake::archive
