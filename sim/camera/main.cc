#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

#include "sim/camera/options.h"
#include "sim/camera/simulator.h"

namespace {

// Each client takes a descriptor; the usual soft limit of 1,024 is not many cameras.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kUsage = 2;
  constexpr int kEnvironment = 3;
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto options = longtake::camsim::parse_options(arguments);
  if (!options) {
    fmt::print(stderr, "longtake-camsim: {}\n", options.error().message());
    return kUsage;
  }
  if (options->wants_help) {
    fmt::print("{}", longtake::camsim::usage());
    return 0;
  }
  raise_descriptor_limit();
  // Blocked in every thread; one waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto simulator = longtake::camsim::Simulator::open(*options);
  if (!simulator) {
    fmt::print(stderr, "longtake-camsim: {}\n", simulator.error().message());
    return kEnvironment;
  }
  fmt::print("listening port={}\ncontrol port={}\n", (*simulator)->port(),
             (*simulator)->control_port());
  std::fflush(stdout);

  std::jthread waiter([&signals, &simulator](const std::stop_token& stopped) {
    const timespec tenth{0, 100'000'000};
    while (!stopped.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &tenth) > 0) return (*simulator)->stop();
    }
  });
  const auto ended = (*simulator)->run();
  if (!ended) fmt::print(stderr, "longtake-camsim: {}\n", ended.error().message());
  return ended ? 0 : kEnvironment;
}
