#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace longtake::app {

/// Tells the service manager that started this program how it is (sd_notify): a datagram to the socket it named.
///
/// Thread     one user at a time.
/// Errors     none wherever nobody listens: without NOTIFY_SOCKET every call does nothing. A lost datagram is the
///            manager's to notice, by its own timeouts.
/// Source     sd_notify(3), sd_watchdog_enabled(3).
class ServiceManager {
 public:
  /// What NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say.
  static ServiceManager from_environment();

  ServiceManager(std::string socket_path, nanoseconds watchdog)
      : socket_path_(std::move(socket_path)), watchdog_(watchdog) {}

  void ready() const { send("READY=1"); }
  void stopping() const { send("STOPPING=1"); }
  void alive() const { send("WATCHDOG=1"); }

  /// How often `alive` wants to be said: half of what the manager allows; zero when it does not ask.
  [[nodiscard]] nanoseconds watchdog_interval() const { return watchdog_ / 2; }

 private:
  void send(std::string_view state) const;

  std::string socket_path_;  // empty: nobody listens; '@' first: an abstract name
  nanoseconds watchdog_;
};

}  // namespace longtake::app
