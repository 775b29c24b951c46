#include "playback/index_cache.h"

#include <utility>

namespace longtake::playback {

Result<archive::SegmentIndexPtr> IndexCache::get(const std::string& recording,
                                                 const archive::SegmentInfo& info) {
  if (info.is_open) return archive_.segment_index(recording, info.id);
  const Key key(recording, info.id, info.range.start);
  {
    const base::MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      by_use_.splice(by_use_.begin(), by_use_, found->second.place);
      return found->second.index;
    }
  }
  LT_ASSIGN(archive::SegmentIndexPtr index, archive_.segment_index(recording, info.id));
  const base::MutexLock lock(mutex_);
  keep(key, index);
  return index;
}

void IndexCache::keep(const Key& key, archive::SegmentIndexPtr index) {
  if (entries_.contains(key)) return;  // another thread was first
  const std::size_t size =
      sizeof(media::FragmentIndex) + index->fragments.size() * sizeof(media::FragmentEntry);
  by_use_.push_front(key);
  entries_.emplace(key, Entry{std::move(index), size, by_use_.begin()});
  size_bytes_ += size;
  while (size_bytes_ > budget_bytes_ && by_use_.size() > 1) {
    const auto oldest = entries_.find(by_use_.back());
    size_bytes_ -= oldest->second.size_bytes;
    entries_.erase(oldest);
    by_use_.pop_back();
  }
}

}  // namespace longtake::playback
