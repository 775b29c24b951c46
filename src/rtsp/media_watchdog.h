#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/time.h"

namespace longtake::rtsp {

/// Tells a dead session from a slow one: nothing for the longer of 5 s and three times the median
/// interval.
///
/// Limits     the median of the last 16 intervals.
/// Source     FAULTS CAM-02; DESIGN §5.
class MediaWatchdog {
 public:
  static constexpr nanoseconds kLeast = seconds(5);

  /// Watching begins; media should come from now on.
  void start(MonotonicTime now) {
    last_ = now;
    has_unit_ = false;
    count_ = 0;
  }
  /// An access unit of the watched track is complete.
  void on_unit(MonotonicTime now) {
    if (has_unit_) intervals_[count_++ % intervals_.size()] = now - last_unit_;
    has_unit_ = true;
    last_unit_ = now;
  }
  /// A packet of the watched track came.
  void on_packet(MonotonicTime now) { last_ = now; }

  [[nodiscard]] MonotonicTime last_packet() const { return last_; }
  [[nodiscard]] nanoseconds limit() const { return std::max(kLeast, 3 * median()); }
  [[nodiscard]] bool is_expired(MonotonicTime now) const {
    // The median costs a copy; silence is rare.
    return now - last_ > kLeast && now - last_ > limit();
  }

 private:
  [[nodiscard]] nanoseconds median() const {
    const std::size_t known = std::min(count_, intervals_.size());
    if (known == 0) return nanoseconds(0);
    auto sorted = intervals_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(known / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(known));
    return *middle;
  }

  std::array<nanoseconds, 16> intervals_{};
  std::size_t count_ = 0;
  MonotonicTime last_{};
  MonotonicTime last_unit_{};
  bool has_unit_ = false;
};

}  // namespace longtake::rtsp
