#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace longtake::store {

/// What crosses between the store's thread and everybody else: facts going in, progress coming out.
///
/// Thread     the upper half from any thread, the lower half from the store's.
/// Limits     `capacity` facts wait; a further one is refused. Purges are as many as there are tombstones.
class StoreMailbox {
 public:
  using Purge = std::pair<media::RecordingId, std::vector<media::SegmentId>>;
  explicit StoreMailbox(std::size_t capacity) : capacity_(capacity) {}

  /// False when full.
  bool append(Fact&& fact) LT_EXCLUDES(mutex_);
  void purge(Purge purge) LT_EXCLUDES(mutex_);
  void request_snapshot() LT_EXCLUDES(mutex_);
  void stop() LT_EXCLUDES(mutex_);
  void wake() LT_EXCLUDES(mutex_);

  enum class Progress { kDurable, kApplied };
  /// Waits until all that was appended before the call has come this far.
  Result<void> wait_for(Progress progress, nanoseconds limit) LT_EXCLUDES(mutex_);
  Result<void> wait_until_ready(nanoseconds limit) LT_EXCLUDES(mutex_);
  [[nodiscard]] bool is_ready() const LT_EXCLUDES(mutex_);
  [[nodiscard]] Store::LastLife last_life() const LT_EXCLUDES(mutex_);

  /// What waits for the store's thread.
  struct Work {
    std::vector<Fact> facts;
    std::vector<Purge> purges;
    bool is_sync_wanted = false;  // somebody waits
    bool is_snapshot_wanted = false;
    bool is_stopping = false;
  };
  /// Waits for something to do, at most `limit`; takes at most `room` facts.
  Work take(std::size_t room, nanoseconds limit) LT_EXCLUDES(mutex_);
  /// Counts of facts, from the first ever appended. `trouble` is what waiters are told when they give up; empty: none.
  void report(std::uint64_t durable, std::uint64_t applied, std::string trouble)
      LT_EXCLUDES(mutex_);
  void set_last_life(Store::LastLife life) LT_EXCLUDES(mutex_);
  void set_ready(bool is_ready) LT_EXCLUDES(mutex_);

 private:
  const std::size_t capacity_;
  mutable base::Mutex mutex_;
  base::Condition work_;
  base::Condition progress_;
  std::deque<Fact> facts_ LT_GUARDED_BY(mutex_);
  std::vector<Purge> purges_ LT_GUARDED_BY(mutex_);
  std::uint64_t accepted_ LT_GUARDED_BY(mutex_) = 0;
  std::uint64_t durable_ LT_GUARDED_BY(mutex_) = 0;
  std::uint64_t applied_ LT_GUARDED_BY(mutex_) = 0;
  std::string trouble_ LT_GUARDED_BY(mutex_);
  Store::LastLife last_life_ LT_GUARDED_BY(mutex_);
  bool is_ready_ LT_GUARDED_BY(mutex_) = false;
  bool is_sync_wanted_ LT_GUARDED_BY(mutex_) = false;
  bool is_snapshot_wanted_ LT_GUARDED_BY(mutex_) = false;
  bool is_stopping_ LT_GUARDED_BY(mutex_) = false;
  bool is_woken_ LT_GUARDED_BY(mutex_) = false;
};

}  // namespace longtake::store
