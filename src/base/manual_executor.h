#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "base/executor.h"

namespace longtake::base {

/// An executor in virtual time: runs tasks and due timers when told to, and moves its ManualClock to each.
class ManualExecutor final : public Executor {
 public:
  explicit ManualExecutor(ManualClock& clock) : clock_(clock) {}

  void post(Task task) override;
  TimerId schedule(MonotonicTime when, Task task) override;
  void cancel(TimerId id) override;
  [[nodiscard]] Clock& clock() const override { return clock_; }

  /// Runs everything posted, and nothing that waits for a later time.
  void run_ready();
  /// Lives through `span`: moves the clock from timer to timer, running each, and ends `span` later.
  void run_for(nanoseconds span);

 private:
  bool run_one_posted();

  ManualClock& clock_;
  std::mutex mutex_;  // guards posted_ only: post comes from any thread
  std::deque<Task> posted_;
  std::map<std::pair<MonotonicTime, TimerId>, Task> timers_;
  std::map<TimerId, MonotonicTime> when_;
  TimerId next_id_ = 1;
};

}  // namespace longtake::base
