#pragma once

#include <functional>
#include <memory>

#include "base/executor.h"

namespace longtake::rtsp {

/// Lets at most so many cameras of the process connect and shake hands at a time; the others wait
/// in order. When a switch restarts, all cameras come back at once, and a recorder busy with their
/// handshakes would miss pictures of those already back.
///
/// Thread     every method from any thread; a grant runs on the executor of who asked.
/// Source     FAULTS CAM-27.
class HandshakeGate {
  struct State;
  struct Waiter;

 public:
  static constexpr int kDefaultSlots = 8;

  /// The right to shake hands; giving it up (or its death) lets the next one in.
  class Slot {
   public:
    Slot() = default;
    explicit Slot(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&& other) noexcept {
      if (this != &other) {
        release();
        state_ = std::move(other.state_);
      }
      return *this;
    }
    ~Slot() { release(); }
    void release();

   private:
    std::shared_ptr<State> state_;
  };

  /// A place in the queue; its death gives it up, and the grant will not run. Must die on the
  /// executor's thread.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(std::shared_ptr<State> state, std::shared_ptr<Waiter> waiter)
        : state_(std::move(state)), waiter_(std::move(waiter)) {}
    Ticket(Ticket&& other) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept {
      if (this != &other) {
        cancel();
        state_ = std::move(other.state_);
        waiter_ = std::move(other.waiter_);
      }
      return *this;
    }
    ~Ticket() { cancel(); }
    void cancel();

   private:
    std::shared_ptr<State> state_;
    std::shared_ptr<Waiter> waiter_;
  };

  using Granted = std::move_only_function<void(Slot)>;

  explicit HandshakeGate(int slots = kDefaultSlots);

  /// `granted` runs as a task of `executor`, later, even if a slot is free now.
  [[nodiscard]] Ticket ask(base::Executor& executor, Granted granted);

 private:
  std::shared_ptr<State> state_;
};

}  // namespace longtake::rtsp
