#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace longtake::media {

enum class Rounding { kDown, kNearest, kUp };

/// `value * numerator / denominator` without losing bits on the way; nothing when the result leaves 64 bits.
std::optional<std::int64_t> multiply_divide(std::int64_t value, std::int64_t numerator,
                                            std::int64_t denominator, Rounding rounding);

/// A length or position on one track, in ticks of its timescale. Its zero means nothing elsewhere.
///
/// Units      ticks; `timescale_hz` ticks per second, never 0.
class MediaTime {
 public:
  constexpr MediaTime() = default;
  constexpr MediaTime(std::int64_t ticks, std::uint32_t timescale_hz)
      : ticks_(ticks), timescale_hz_(timescale_hz) {}

  [[nodiscard]] constexpr std::int64_t ticks() const { return ticks_; }
  [[nodiscard]] constexpr std::uint32_t timescale_hz() const { return timescale_hz_; }

  /// Same timescale only (an LT_CHECK).
  friend MediaTime operator+(MediaTime a, MediaTime b);
  friend MediaTime operator-(MediaTime a, MediaTime b);
  friend std::strong_ordering operator<=>(MediaTime a, MediaTime b);
  friend bool operator==(MediaTime a, MediaTime b);

 private:
  std::int64_t ticks_ = 0;
  std::uint32_t timescale_hz_ = 1;
};

/// Saturates at the ends of 64 bits.
MediaTime rescale(MediaTime time, std::uint32_t timescale_hz, Rounding rounding);
microseconds to_microseconds(MediaTime length, Rounding rounding = Rounding::kDown);
MediaTime from_microseconds(microseconds length, std::uint32_t timescale_hz,
                            Rounding rounding = Rounding::kDown);

}  // namespace longtake::media
