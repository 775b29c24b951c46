#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <tuple>

#include "archive/archive.h"
#include "base/mutex.h"

namespace longtake::playback {

/// The fragment indexes of closed segments, so that a playlist reads each file's summary once.
///
/// Thread     any; the lock is held across no file call.
/// Limits     `budget_bytes` of indexes; the ones asked for longest ago go.
/// Errors     as Archive::segment_index.
class IndexCache {
 public:
  static constexpr std::size_t kBudgetBytes = 64 * 1024 * 1024;

  explicit IndexCache(archive::Archive& archive, std::size_t budget_bytes = kBudgetBytes)
      : archive_(archive), budget_bytes_(budget_bytes) {}

  /// `info` is what the archive says of the segment now. An open one is not remembered.
  Result<archive::SegmentIndexPtr> get(const std::string& recording,
                                       const archive::SegmentInfo& info);

 private:
  // The start, too: a run that was redated is another one to us.
  using Key = std::tuple<std::string, media::SegmentId, WallTime>;
  struct Entry {
    archive::SegmentIndexPtr index;
    std::size_t size_bytes = 0;
    std::list<Key>::iterator place;
  };
  void keep(const Key& key, archive::SegmentIndexPtr index) LT_REQUIRES(mutex_);

  archive::Archive& archive_;
  const std::size_t budget_bytes_;
  base::Mutex mutex_;
  std::map<Key, Entry> entries_ LT_GUARDED_BY(mutex_);
  std::list<Key> by_use_ LT_GUARDED_BY(mutex_);  // the latest first
  std::size_t size_bytes_ LT_GUARDED_BY(mutex_) = 0;
};

}  // namespace longtake::playback
