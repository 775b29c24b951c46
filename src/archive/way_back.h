#pragma once

#include <memory>
#include <utility>

#include "base/executor.h"
#include "base/mutex.h"

namespace longtake::archive {

/// The way back to a handle's owner, until the handle is gone: the disk may answer long after that, when neither the
/// owner nor its shard is there any more.
///
/// Ownership  shared by the handle and by what may answer; borrows the shard while it is open.
/// Thread     `post` any; `close` the shard, which is also where what was posted runs.
class WayBack : public std::enable_shared_from_this<WayBack> {
 public:
  explicit WayBack(base::Executor& shard) : shard_(&shard) {}

  void post(base::Task task) {
    const base::MutexLock lock(mutex_);
    if (shard_ == nullptr) return;
    shard_->post([self = shared_from_this(), task = std::move(task)]() mutable {
      if (self->is_open()) task();
    });
  }
  void close() {
    const base::MutexLock lock(mutex_);
    shard_ = nullptr;
  }

 private:
  [[nodiscard]] bool is_open() {
    const base::MutexLock lock(mutex_);
    return shard_ != nullptr;
  }

  base::Mutex mutex_;
  base::Executor* shard_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
