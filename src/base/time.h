#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace longtake {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// The clock behind MonotonicTime: CLOCK_BOOTTIME, which goes on while the machine is suspended.
/// A tag only; ask a `Clock&` for the time.
struct BootClock {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock, duration>;
  static constexpr bool is_steady = true;
};

/// For waits, timeouts and order. Stored only as an offset from a run's start: it means nothing after a boot.
using MonotonicTime = BootClock::time_point;

/// UTC microseconds since 1970. May step. What is stored and shown.
using WallTime = std::chrono::time_point<std::chrono::system_clock, microseconds>;

/// "2026-01-31T12:34:56.789Z" (RFC 3339, milliseconds, rounded down).
std::string to_string(WallTime time);
/// "20260131", the UTC day.
std::string to_day(WallTime time);
/// Accepts RFC 3339 with `Z` or an offset, 0 to 9 fractional digits. kInvalidArgument otherwise.
Result<WallTime> parse_wall_time(std::string_view text);

/// Accepts ISO 8601 durations in days and below ("PT30S", "P7D", "PT1H30M", "PT0.5S") and the short form
/// of the command line ("30s", "5m", "12h", "7d", "2w"). kInvalidArgument otherwise.
Result<microseconds> parse_duration(std::string_view text);
/// Short form for people: "1.50s", "2h 5m", "7d".
std::string to_short_string(microseconds duration);

/// Half open: [start, end).
struct TimeRange {
  WallTime start;
  WallTime end;

  [[nodiscard]] bool is_empty() const { return end <= start; }
  [[nodiscard]] microseconds length() const { return end - start; }
  friend auto operator<=>(const TimeRange&, const TimeRange&) = default;
};

}  // namespace longtake
