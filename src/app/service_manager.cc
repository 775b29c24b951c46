#include "app/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace longtake::app {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

/// A day: beyond it a watchdog watches nothing, and the arithmetic stays far from its edges.
constexpr std::uint64_t kLongestWatchdogUs = 86'400'000'000;

}  // namespace

ServiceManager ServiceManager::from_environment() {
  const std::uint64_t limit_us = number_of(environment("WATCHDOG_USEC"));
  const std::string pid = environment("WATCHDOG_PID");
  const bool is_for_us = pid.empty() || number_of(pid) == static_cast<std::uint64_t>(getpid());
  const bool is_watched = is_for_us && limit_us > 0 && limit_us <= kLongestWatchdogUs;
  return {environment("NOTIFY_SOCKET"),
          is_watched ? microseconds(static_cast<std::int64_t>(limit_us)) : microseconds(0)};
}

void ServiceManager::send(std::string_view state) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path_.empty() || socket_path_.size() >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path_.size());
  // Never waits: a manager that does not read must not stop the recording.
  sendto(handle, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
         reinterpret_cast<const sockaddr*>(&address), size);
  close(handle);
}

}  // namespace longtake::app
