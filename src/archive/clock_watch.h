#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "media/fragment_index.h"

namespace longtake::archive {

/// The machine's clocks from one recorder's seat: what the wall says now, whether that can be, and
/// whether the process stood still.
///
/// Thread     confined to its owner's thread.
/// Source     FAULTS HOST-19, HOST-22, HOST-23; docs/design/recording.md, "Clocks".
class ClockWatch {
 public:
  /// No machine that runs this can be earlier: a clock without battery starts in 1970.
  static constexpr WallTime kEarliest{seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z
  static constexpr microseconds kBackwardTolerance = seconds(60);
  static constexpr nanoseconds kStall = seconds(1);

  /// `last_known` is a time that was certainly reached before this start.
  ClockWatch(const base::Clock& clock, std::optional<WallTime> last_known);

  /// Reads the clocks if the last reading is older than 50 ms, and sees a process that was frozen:
  /// `beat_due` of the owner's timer passed over a second ago. Cheap enough for each access unit.
  void observe(MonotonicTime now);
  /// The owner's timer ran; it will again at `next`.
  void beat(MonotonicTime now, MonotonicTime next);

  [[nodiscard]] microseconds offset() const { return offset_; }  // wall minus monotonic
  [[nodiscard]] WallTime wall_at(MonotonicTime time) const;
  /// The wall clock is obviously wrong: before `kEarliest`, or behind the last known time without the kernel calling it
  /// synchronised.
  [[nodiscard]] bool is_wrong() const { return is_wrong_; }

  struct Stall {
    MonotonicTime start;
    MonotonicTime end;
  };
  /// The latest time the process was frozen in.
  [[nodiscard]] const std::optional<Stall>& stall() const { return stall_; }
  [[nodiscard]] bool was_stalled_within(MonotonicTime start, MonotonicTime end) const {
    return stall_ && stall_->start < end && start < stall_->end;
  }

 private:
  [[nodiscard]] bool judge(WallTime wall) const;

  const base::Clock& clock_;
  WallTime floor_;
  microseconds offset_{0};
  bool is_wrong_ = false;
  MonotonicTime read_at_;
  MonotonicTime alive_at_;
  MonotonicTime beat_due_ = MonotonicTime::max();
  std::optional<Stall> stall_;
};

}  // namespace longtake::archive
