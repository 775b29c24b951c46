// A machine whose wall clock is set while programs run: loaded into the recorder in front of libc (LD_PRELOAD).
//
// The file named by LONGTAKE_TEST_WALL_SHIFT holds two numbers of eight bytes in this machine's order: microseconds to add to the
// time of day, and 1 if the kernel is to call its clock synchronised. Whoever writes them sets the clock. The monotonic clocks,
// timers and waits stay the kernel's own: libfaketime 0.9.10 bends condition variables, too, so that every wait ends at once.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

struct Machine {
  std::atomic<std::int64_t> shift_us;
  std::atomic<std::int64_t> is_synchronised;
};
static_assert(sizeof(Machine) == 16);

/// Aborts rather than let a test run with the true clock.
const Machine& open_machine() {
  const char* path = std::getenv("LONGTAKE_TEST_WALL_SHIFT");
  const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  void* memory =
      file < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(Machine), PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) std::abort();
  ::close(file);
  return *static_cast<const Machine*>(memory);
}

const Machine& machine() {
  static const Machine& opened = open_machine();
  return opened;
}

void add(timespec& time, std::int64_t us) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = time.tv_nsec + us % 1'000'000 * 1000;
  time.tv_sec += us / 1'000'000 + (ns < 0 ? -1 : ns / kSecond);
  time.tv_nsec = ns < 0 ? ns + kSecond : ns % kSecond;
}

timespec shifted_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);  // the one below
  return now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, time);
  const bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_wall) add(*time, machine().shift_us.load());
  return result;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const timespec now = shifted_now();
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = shifted_now().tv_sec;
  if (out != nullptr) *out = now;
  return now;
}

int adjtimex(timex* state) noexcept {
  using Function = int (*)(timex*);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "adjtimex"));
  const int result = real(state);
  if (machine().is_synchronised.load() == 0) return TIME_ERROR;
  state->status &= ~STA_UNSYNC;
  return result == -1 ? result : TIME_OK;
}

}  // extern "C"
