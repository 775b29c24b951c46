#pragma once

#include <atomic>
#include <optional>

#include "base/time.h"

namespace longtake::base {

/// Where code asks for the time, so that a test can live through a month in a millisecond.
///
/// Thread     every method may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  /// Whether the kernel believes its wall clock is synchronised (adjtimex without STA_UNSYNC).
  [[nodiscard]] virtual bool is_synchronised() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] bool is_synchronised() const override;
};

/// A clock that a test moves by hand. Wall time follows monotonic time until it is stepped.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall_start = WallTime(std::chrono::seconds(1'767'225'600)));

  [[nodiscard]] MonotonicTime now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] bool is_synchronised() const override;

  void advance(nanoseconds by);
  /// Moves the wall clock alone, as NTP or an operator would.
  void step_wall(microseconds by);
  void set_synchronised(bool synchronised);

 private:
  std::atomic<std::int64_t> now_ns_{1'000'000'000};
  std::atomic<std::int64_t> wall_offset_us_;
  std::atomic<bool> synchronised_{true};
};

}  // namespace longtake::base
