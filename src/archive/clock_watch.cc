#include "archive/clock_watch.h"

#include <algorithm>

namespace longtake::archive {
namespace {

constexpr nanoseconds kReadEvery = milliseconds(50);

microseconds read_offset(const base::Clock& clock) {
  return clock.wall_now().time_since_epoch() -
         std::chrono::floor<microseconds>(clock.now().time_since_epoch());
}

}  // namespace

ClockWatch::ClockWatch(const base::Clock& clock, std::optional<WallTime> last_known)
    : clock_(clock),
      floor_(last_known ? *last_known - kBackwardTolerance : kEarliest),
      offset_(read_offset(clock)),
      read_at_(clock.now()),
      alive_at_(read_at_) {
  is_wrong_ = judge(wall_at(read_at_));
}

void ClockWatch::observe(MonotonicTime now) {
  if (beat_due_ != MonotonicTime::max() && now > beat_due_ + kStall) {
    stall_ = Stall{std::min(alive_at_, beat_due_), now};
    beat_due_ = now;  // told once; the next beat is on its way
  }
  alive_at_ = std::max(alive_at_, now);
  if (now - read_at_ < kReadEvery) return;
  read_at_ = now;
  offset_ = read_offset(clock_);
  is_wrong_ = judge(wall_at(now));
}

/// Who wrote the last known time may have been ahead, by a year if need be, and was set right since. Only the kernel can
/// tell that from a clock that is behind.
bool ClockWatch::judge(WallTime wall) const {
  return wall < kEarliest || (wall < floor_ && !clock_.is_synchronised());
}

void ClockWatch::beat(MonotonicTime now, MonotonicTime next) {
  observe(now);
  beat_due_ = next;
}

WallTime ClockWatch::wall_at(MonotonicTime time) const {
  return WallTime(std::chrono::floor<microseconds>(time.time_since_epoch()) + offset_);
}

}  // namespace longtake::archive
