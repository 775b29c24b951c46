#include "base/clock.h"

#include <sys/timex.h>
#include <time.h>

#include <chrono>

#include "base/check.h"

namespace longtake::base {

MonotonicTime SystemClock::now() const {
  timespec at{};
  LT_CHECK(::clock_gettime(CLOCK_BOOTTIME, &at) == 0);
  return MonotonicTime(seconds(at.tv_sec) + nanoseconds(at.tv_nsec));
}

WallTime SystemClock::wall_now() const {
  return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
}

bool SystemClock::is_synchronised() const {
  timex state{};  // modes = 0: only asks
  const int clock_state = ::adjtimex(&state);
  return clock_state != -1 && clock_state != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

ManualClock::ManualClock(WallTime wall_start)
    : wall_offset_us_((wall_start.time_since_epoch() -
                       std::chrono::duration_cast<microseconds>(nanoseconds(now_ns_.load())))
                          .count()) {}

MonotonicTime ManualClock::now() const { return MonotonicTime(nanoseconds(now_ns_.load())); }

WallTime ManualClock::wall_now() const {
  const auto since_start = std::chrono::duration_cast<microseconds>(nanoseconds(now_ns_.load()));
  return WallTime(since_start + microseconds(wall_offset_us_.load()));
}

bool ManualClock::is_synchronised() const { return synchronised_.load(); }

void ManualClock::advance(nanoseconds by) {
  LT_CHECK(by >= nanoseconds::zero());
  now_ns_.fetch_add(by.count());
}

void ManualClock::step_wall(microseconds by) { wall_offset_us_.fetch_add(by.count()); }

void ManualClock::set_synchronised(bool synchronised) { synchronised_.store(synchronised); }

}  // namespace longtake::base
