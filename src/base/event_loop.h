#pragma once

#include <memory>

#include "base/executor.h"
#include "base/network.h"

namespace longtake::base {

/// The real event loop: Boost.Asio behind Executor and Network, which is all that others see of it.
///
/// Thread     `run` turns its caller into the loop's thread until `stop`; `post` and `stop` from any thread.
/// Errors     none; a task that throws ends the process, as longtake code throws nothing.
class EventLoop final : public Executor, public Network {
 public:
  explicit EventLoop(Clock& clock);
  ~EventLoop() override;

  void run();
  void stop();

  void post(Task task) override;
  TimerId schedule(MonotonicTime when, Task task) override;
  void cancel(TimerId id) override;
  [[nodiscard]] Clock& clock() const override;

  std::unique_ptr<Connection> connect(const HostPort& to, nanoseconds timeout,
                                      ConnectionHandler& handler) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longtake::base
