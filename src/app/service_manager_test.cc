#include "app/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace longtake::app {
namespace {

/// The manager's end: an abstract socket whose name the kernel chooses.
class Manager {
 public:
  Manager() : handle_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_EQ(bind(handle_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(getsockname(handle_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    name_.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
    name_[0] = '@';
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { close(handle_); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string heard() const {
    std::array<char, 64> text{};
    const ssize_t size = recv(handle_, text.data(), text.size(), 0);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int handle_;
  std::string name_;
};

TEST(ServiceManager, HearsEachState) {
  const Manager manager;
  const ServiceManager service(manager.name(), {});
  service.ready();
  EXPECT_EQ(manager.heard(), "READY=1");
  service.alive();
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  service.stopping();
  EXPECT_EQ(manager.heard(), "STOPPING=1");
  EXPECT_EQ(manager.heard(), "nothing");
}

TEST(ServiceManager, IsFoundByTheEnvironment) {
  const Manager manager;
  setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  const auto ours = ServiceManager::from_environment();
  setenv("WATCHDOG_PID", "1", 1);
  const auto of_another = ServiceManager::from_environment();
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  ours.ready();
  EXPECT_EQ(manager.heard(), "READY=1");
  EXPECT_EQ(ours.watchdog_interval(), seconds(15));
  EXPECT_EQ(of_another.watchdog_interval(), nanoseconds(0));
}

TEST(ServiceManager, NobodyToTellAndAFullQueueStopNothing) {
  ServiceManager("", {}).ready();
  ServiceManager("/nowhere/socket", {}).ready();
  const Manager never_reads;
  const ServiceManager service(never_reads.name(), {});
  for (int i = 0; i < 10'000; ++i) service.alive();
  EXPECT_EQ(never_reads.heard(), "WATCHDOG=1");
}

}  // namespace
}  // namespace longtake::app
