#pragma once

#include <algorithm>

#include "base/random.h"
#include "base/time.h"

namespace longtake::rtsp {

/// How long to wait before the next try: 0.25 to 0.5 s at first, doubling up to 10 s, with jitter,
/// so that cameras that went away together do not come back together.
///
/// Source     FAULTS CAM-01, CAM-27; DESIGN §5.
class Backoff {
 public:
  static constexpr nanoseconds kFirst = milliseconds(500);
  static constexpr nanoseconds kCap = seconds(10);

  explicit Backoff(base::Random& random) : random_(random) {}

  /// Between half of the present step and all of it.
  nanoseconds next() {
    const nanoseconds most = std::min(kFirst * (std::int64_t{1} << tries_), kCap);
    if (most < kCap) ++tries_;
    const auto half = static_cast<std::uint64_t>(most.count()) / 2;
    return nanoseconds(static_cast<std::int64_t>(half + random_.below(half + 1)));
  }
  void reset() { tries_ = 0; }

 private:
  base::Random& random_;
  unsigned tries_ = 0;
};

}  // namespace longtake::rtsp
