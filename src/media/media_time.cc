#include "media/media_time.h"

#include <limits>

#include "base/check.h"

namespace longtake::media {

namespace {

__extension__ using Wide = __int128;  // a product of two 64-bit values always fits

constexpr std::uint32_t kMicrosecondsHz = 1'000'000;

template <class Integer>
Integer divide(Integer value, Integer divisor, Rounding rounding) {
  if (divisor < 0) {
    value = -value;
    divisor = -divisor;
  }
  Integer quotient = value / divisor;
  Integer remainder = value % divisor;
  if (remainder < 0) {  // now quotient is rounded down and 0 <= remainder < divisor
    remainder += divisor;
    quotient -= 1;
  }
  switch (rounding) {
    case Rounding::kDown:
      return quotient;
    case Rounding::kNearest:  // halves go up, so that equal steps stay equal on both sides of zero
      return remainder >= divisor - remainder ? quotient + 1 : quotient;
    case Rounding::kUp:
      return remainder != 0 ? quotient + 1 : quotient;
  }
  return quotient;
}

std::int64_t saturated_multiply_divide(std::int64_t value, std::int64_t numerator,
                                       std::int64_t denominator, Rounding rounding) {
  const auto result = multiply_divide(value, numerator, denominator, rounding);
  if (result) return *result;
  return value < 0 ? std::numeric_limits<std::int64_t>::min()
                   : std::numeric_limits<std::int64_t>::max();
}

std::int64_t clamped(Wide value) {
  constexpr Wide kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr Wide kHighest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(value < kLowest ? kLowest : value > kHighest ? kHighest : value);
}

}  // namespace

std::optional<std::int64_t> multiply_divide(std::int64_t value, std::int64_t numerator,
                                            std::int64_t denominator, Rounding rounding) {
  if (denominator == 0) return std::nullopt;
  // Years of media fit 64 bits, whose division takes a third of the time; this runs several times a unit.
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(value, numerator, &product) &&
      product != std::numeric_limits<std::int64_t>::min() &&
      denominator != std::numeric_limits<std::int64_t>::min()) {
    return divide(product, denominator, rounding);
  }
  const Wide result = divide<Wide>(static_cast<Wide>(value) * numerator, denominator, rounding);
  const std::int64_t narrow = clamped(result);
  if (static_cast<Wide>(narrow) != result) return std::nullopt;
  return narrow;
}

MediaTime operator+(MediaTime a, MediaTime b) {
  LT_CHECK(a.timescale_hz_ == b.timescale_hz_);
  return {clamped(static_cast<Wide>(a.ticks_) + b.ticks_), a.timescale_hz_};
}

MediaTime operator-(MediaTime a, MediaTime b) {
  LT_CHECK(a.timescale_hz_ == b.timescale_hz_);
  return {clamped(static_cast<Wide>(a.ticks_) - b.ticks_), a.timescale_hz_};
}

std::strong_ordering operator<=>(MediaTime a, MediaTime b) {
  LT_CHECK(a.timescale_hz_ == b.timescale_hz_);
  return a.ticks_ <=> b.ticks_;
}

bool operator==(MediaTime a, MediaTime b) { return (a <=> b) == std::strong_ordering::equal; }

MediaTime rescale(MediaTime time, std::uint32_t timescale_hz, Rounding rounding) {
  return {saturated_multiply_divide(time.ticks(), timescale_hz, time.timescale_hz(), rounding),
          timescale_hz};
}

microseconds to_microseconds(MediaTime length, Rounding rounding) {
  return microseconds(rescale(length, kMicrosecondsHz, rounding).ticks());
}

MediaTime from_microseconds(microseconds length, std::uint32_t timescale_hz, Rounding rounding) {
  return rescale(MediaTime(length.count(), kMicrosecondsHz), timescale_hz, rounding);
}

}  // namespace longtake::media
