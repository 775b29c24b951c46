#pragma once

#include <optional>

#include "base/time.h"

namespace longtake::media {

/// A camera's own wall clock on one track, as its RTCP sender reports tell it, and whether they
/// deserve belief: three in a row that agree with each other, and a clock not absurdly far from
/// ours (CAM-20: cameras without a battery start in 1970, and NTP's era ends in 2036).
///
/// Units      media times in microseconds since the track's epoch.
/// Source     RFC 3550 §6.4.1.
class SenderClock {
 public:
  explicit SenderClock(microseconds max_skew) : max_skew_(max_skew) {}

  void add(microseconds media, WallTime camera_wall, WallTime our_wall);
  void restart() { steady_reports_ = 0; }

  [[nodiscard]] bool is_believed() const;
  /// The camera's wall time at media time 0. Only when believed.
  [[nodiscard]] std::optional<WallTime> wall_at_epoch() const;
  /// Camera minus ours at the last report. Only when believed.
  [[nodiscard]] std::optional<microseconds> skew() const;

 private:
  microseconds max_skew_;
  int steady_reports_ = 0;
  microseconds last_media_{0};
  WallTime wall_at_epoch_;
  microseconds skew_{0};
};

}  // namespace longtake::media
