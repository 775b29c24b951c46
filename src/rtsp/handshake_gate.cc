#include "rtsp/handshake_gate.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/mutex.h"

namespace longtake::rtsp {

struct HandshakeGate::Waiter {
  base::Executor* executor = nullptr;
  Granted granted;            // touched on the executor's thread only
  bool is_cancelled = false;  // likewise
};

struct HandshakeGate::State {
  base::Mutex mutex;
  int free LT_GUARDED_BY(mutex) = 0;
  std::deque<std::shared_ptr<Waiter>> waiting LT_GUARDED_BY(mutex);

  /// Lets waiters in as long as there are slots. Never holds the lock across a call out.
  static void admit(const std::shared_ptr<State>& state) {
    for (;;) {
      std::shared_ptr<Waiter> next;
      {
        const base::MutexLock lock(state->mutex);
        if (state->free == 0 || state->waiting.empty()) return;
        --state->free;
        next = std::move(state->waiting.front());
        state->waiting.pop_front();
      }
      base::Executor& executor = *next->executor;
      executor.post([slot = Slot(state), waiter = std::move(next)]() mutable {
        // Cancelled between grant and task: the slot goes back as the task dies.
        if (!waiter->is_cancelled) std::exchange(waiter->granted, {})(std::move(slot));
      });
    }
  }
};

HandshakeGate::HandshakeGate(int slots) : state_(std::make_shared<State>()) {
  const base::MutexLock lock(state_->mutex);
  state_->free = slots;
}

HandshakeGate::Ticket HandshakeGate::ask(base::Executor& executor, Granted granted) {
  auto waiter = std::make_shared<Waiter>();
  waiter->executor = &executor;
  waiter->granted = std::move(granted);
  {
    const base::MutexLock lock(state_->mutex);
    state_->waiting.push_back(waiter);
  }
  State::admit(state_);
  return {state_, std::move(waiter)};
}

void HandshakeGate::Slot::release() {
  const auto state = std::exchange(state_, nullptr);
  if (!state) return;
  {
    const base::MutexLock lock(state->mutex);
    ++state->free;
  }
  State::admit(state);
}

void HandshakeGate::Ticket::cancel() {
  const auto state = std::exchange(state_, nullptr);
  const auto waiter = std::exchange(waiter_, nullptr);
  if (!state) return;
  waiter->is_cancelled = true;
  const base::MutexLock lock(state->mutex);
  std::erase(state->waiting, waiter);
}

}  // namespace longtake::rtsp
