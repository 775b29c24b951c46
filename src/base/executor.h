#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"

namespace longtake::base {

using Task = std::move_only_function<void()>;

/// One thread's event loop as its users see it: tasks now, tasks later.
///
/// Thread     `post` from any thread; the rest only from a task of this executor (or before it runs).
/// Limits     tasks never overlap; timers fire in order of their time, equal times in order of their making.
class Executor {
 public:
  using TimerId = std::uint64_t;  // never 0, never reused

  virtual ~Executor() = default;
  virtual void post(Task task) = 0;
  virtual TimerId schedule(MonotonicTime when, Task task) = 0;
  /// Unknown or fired ids are ignored. After it returns the task will not run.
  virtual void cancel(TimerId id) = 0;
  [[nodiscard]] virtual Clock& clock() const = 0;
};

/// A timer that its owner's death cancels. Starting it anew replaces the one that was waiting.
class Timer {
 public:
  explicit Timer(Executor& executor) : executor_(executor) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  void start_at(MonotonicTime when, Task task) {
    cancel();
    id_ = executor_.schedule(when, [this, work = std::move(task)]() mutable {
      id_ = 0;
      // Moved out first: the task may destroy this timer.
      Task running = std::move(work);
      running();
    });
  }
  void start_after(nanoseconds delay, Task task) {
    start_at(executor_.clock().now() + delay, std::move(task));
  }
  void cancel() {
    if (id_ != 0) executor_.cancel(std::exchange(id_, 0));
  }
  [[nodiscard]] bool is_waiting() const { return id_ != 0; }

 private:
  Executor& executor_;
  Executor::TimerId id_ = 0;
};

}  // namespace longtake::base
