#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace longtake::base {

/// What crosses threads: first in, first out, never more than `capacity`.
///
/// Thread     any number of producers and consumers.
/// Limits     full: `try_push` refuses, `push` waits up to a limit. The user states which it is and what is lost.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// False when full or closed; the item is left as it was.
  bool try_push(T&& item) LT_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    filled_.wake_one();
    return true;
  }

  /// Waits for room, at most `limit`. False when it stayed full or was closed; the item is left as it was.
  bool push(T&& item, std::chrono::nanoseconds limit) LT_EXCLUDES(mutex_) {
    {
      const auto deadline = std::chrono::steady_clock::now() + limit;
      const MutexLock lock(mutex_);
      while (!closed_ && items_.size() >= capacity_) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return false;
        emptied_.wait_for(mutex_, deadline - now);
      }
      if (closed_) return false;
      items_.push_back(std::move(item));
    }
    filled_.wake_one();
    return true;
  }

  /// Everything that waits, at least one item unless `limit` passes or the queue is closed and empty.
  std::vector<T> pop_all(std::chrono::nanoseconds limit) LT_EXCLUDES(mutex_) {
    std::vector<T> taken;
    {
      const auto deadline = std::chrono::steady_clock::now() + limit;
      const MutexLock lock(mutex_);
      while (items_.empty() && !closed_) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return taken;
        filled_.wait_for(mutex_, deadline - now);
      }
      taken.reserve(items_.size());
      for (T& item : items_) taken.push_back(std::move(item));
      items_.clear();
    }
    emptied_.wake_all();
    return taken;
  }

  /// Refuses what comes from now on; what waits can still be taken.
  void close() LT_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      closed_ = true;
    }
    filled_.wake_all();
    emptied_.wake_all();
  }

  [[nodiscard]] bool is_closed_and_empty() const LT_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return closed_ && items_.empty();
  }
  [[nodiscard]] std::size_t size() const LT_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  Condition filled_;
  Condition emptied_;
  std::deque<T> items_ LT_GUARDED_BY(mutex_);
  bool closed_ LT_GUARDED_BY(mutex_) = false;
};

}  // namespace longtake::base
