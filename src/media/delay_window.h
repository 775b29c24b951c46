#pragma once

#include <deque>
#include <optional>

#include "base/time.h"

namespace longtake::media {

/// The least delay (receipt - media time) of the recent past. A network can only hold a picture up,
/// never bring it early, so the least delay is the one that saw the least of the network: bursts
/// and stalls do not move it.
///
/// Units      receipt in microseconds of the monotonic clock; delays have an arbitrary zero, the
///            track's own.
/// Limits     remembers one minute in steps of a second: at most 61 entries.
class DelayWindow {
 public:
  void add(microseconds receipt, microseconds delay);
  void clear() { minima_.clear(); }
  [[nodiscard]] std::optional<microseconds> least() const;

 private:
  struct Minimum {
    microseconds receipt;  // rounded down to the step
    microseconds delay;
  };
  std::deque<Minimum>
      minima_;  // delays increase: each is the least of all that came after the one before it
};

}  // namespace longtake::media
