#include "base/manual_executor.h"

#include <algorithm>

namespace longtake::base {

void ManualExecutor::post(Task task) {
  const std::lock_guard lock(mutex_);
  posted_.push_back(std::move(task));
}

Executor::TimerId ManualExecutor::schedule(MonotonicTime when, Task task) {
  const TimerId id = next_id_++;
  timers_.emplace(std::pair(when, id), std::move(task));
  when_.emplace(id, when);
  return id;
}

void ManualExecutor::cancel(TimerId id) {
  const auto found = when_.find(id);
  if (found == when_.end()) return;
  timers_.erase({found->second, id});
  when_.erase(found);
}

bool ManualExecutor::run_one_posted() {
  Task task;
  {
    const std::lock_guard lock(mutex_);
    if (posted_.empty()) return false;
    task = std::move(posted_.front());
    posted_.pop_front();
  }
  task();
  return true;
}

void ManualExecutor::run_ready() {
  for (;;) {
    if (run_one_posted()) continue;
    if (timers_.empty() || timers_.begin()->first.first > clock_.now()) return;
    auto due = timers_.extract(timers_.begin());
    when_.erase(due.key().second);
    due.mapped()();
  }
}

void ManualExecutor::run_for(nanoseconds span) {
  const MonotonicTime end = clock_.now() + span;
  run_ready();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    // A task may itself have moved the clock; it never goes back.
    clock_.advance(std::max(nanoseconds::zero(), timers_.begin()->first.first - clock_.now()));
    run_ready();
  }
  clock_.advance(std::max(nanoseconds::zero(), end - clock_.now()));
  run_ready();
}

}  // namespace longtake::base
