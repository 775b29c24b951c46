#include "app/signals.h"

#include <csignal>
#include <ctime>

#include "base/check.h"

namespace longtake::app {
namespace {

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = our_signals();
  LT_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  LT_CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

SignalSeen wait_for_signal(nanoseconds limit) {
  const sigset_t set = our_signals();
  timespec wait{};
  wait.tv_sec = static_cast<std::time_t>(std::chrono::duration_cast<seconds>(limit).count());
  wait.tv_nsec = static_cast<long>((limit % std::chrono::seconds(1)).count());
  switch (sigtimedwait(&set, nullptr, &wait)) {
    case SIGINT:
    case SIGTERM:
      return SignalSeen::kStop;
    case SIGHUP:
      return SignalSeen::kReload;
    default:  // time is over, or a signal that is not ours interrupted
      return SignalSeen::kNone;
  }
}

}  // namespace longtake::app
