#pragma once

#include <deque>

#include "base/time.h"

namespace longtake::media {

/// Wall time as a function of run position: `wall = position + offset(position)`. The offset
/// changes by at most the slew rate, so the wall never runs backward, and what was said of a
/// position is never said differently later: fragments that touch in media time touch in wall time.
///
/// Limits     remembers its last 256 stretches (each a second or longer); earlier positions get the
///            oldest offset.
class WallLine {
 public:
  explicit WallLine(std::int64_t slew_ppm) : slew_ppm_(slew_ppm) {}

  /// A new line: `offset` holds from the run's start to `position`.
  void start(microseconds position, microseconds offset);
  /// Media has come up to `position`; from there on the offset moves toward `target`.
  void extend(microseconds position, microseconds target);
  [[nodiscard]] microseconds offset_at(microseconds position) const;

 private:
  struct Stretch {
    microseconds begin, end;
    microseconds offset_at_begin, offset_at_end;
  };
  std::int64_t slew_ppm_;
  std::deque<Stretch>
      stretches_;  // never empty after `start`; each begins where the one before ends
};

}  // namespace longtake::media
