#include "media/media_time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace longtake::media {
namespace {

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

// 90 kHz ticks to microseconds: 1 tick is 11.1 us.
struct RoundingCase {
  std::string_view name;
  std::int64_t ticks;
  Rounding rounding;
  std::int64_t microseconds;
};
class MediaTimeRounding : public testing::TestWithParam<RoundingCase> {};

TEST_P(MediaTimeRounding, ToMicroseconds) {
  const RoundingCase& c = GetParam();
  EXPECT_EQ(to_microseconds(MediaTime(c.ticks, 90'000), c.rounding).count(), c.microseconds);
}
INSTANTIATE_TEST_SUITE_P(
    MediaTime, MediaTimeRounding,
    testing::Values(RoundingCase{"Down", 1, Rounding::kDown, 11},
                    RoundingCase{"Up", 1, Rounding::kUp, 12},
                    RoundingCase{"NearestBelowHalf", 1, Rounding::kNearest, 11},
                    RoundingCase{"NearestAboveHalf", 6, Rounding::kNearest, 67},
                    RoundingCase{"DownIsTowardThePastBelowZero", -1, Rounding::kDown, -12},
                    RoundingCase{"UpBelowZero", -1, Rounding::kUp, -11},
                    RoundingCase{"ExactStaysExact", 90'000, Rounding::kUp, 1'000'000}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(MediaTime, RescaleSurvivesProductsBeyond64Bits) {
  // A thousand years at 90 kHz: ticks * 1,000,000 needs 82 bits.
  const std::int64_t seconds = 1000LL * 365 * 86'400;
  EXPECT_EQ(to_microseconds(MediaTime(seconds * 90'000, 90'000)).count(), seconds * 1'000'000);
}

TEST(MediaTime, RescaleSaturatesAtTheEndsOf64Bits) {
  EXPECT_EQ(rescale(MediaTime(kHighest, 1), 90'000, Rounding::kDown).ticks(), kHighest);
  EXPECT_EQ(rescale(MediaTime(kLowest, 1), 90'000, Rounding::kDown).ticks(), kLowest);
}

TEST(MediaTime, SumsSaturateInsteadOfWrapping) {
  EXPECT_EQ((MediaTime(kHighest, 90'000) + MediaTime(1, 90'000)).ticks(), kHighest);
  EXPECT_EQ((MediaTime(kLowest, 90'000) - MediaTime(1, 90'000)).ticks(), kLowest);
}

TEST(MediaTime, MultiplyDivideRefusesWhatDoesNotFit) {
  EXPECT_EQ(multiply_divide(kHighest, 2, 1, Rounding::kDown), std::nullopt);
  EXPECT_EQ(multiply_divide(kLowest, -1, 1, Rounding::kDown), std::nullopt);
  EXPECT_EQ(multiply_divide(1, 1, 0, Rounding::kDown), std::nullopt);
  EXPECT_EQ(multiply_divide(kLowest, kLowest, kLowest, Rounding::kDown), kLowest);
}

TEST(MediaTimeDeathTest, DifferentTimescalesDoNotMix) {
  EXPECT_DEATH((void)(MediaTime(1, 90'000) - MediaTime(1, 8'000)), "timescale");
}

RC_GTEST_PROP(MediaTime, TicksSurviveMicrosecondsAndBackAtAudioAndVideoRates, ()) {
  // Rounding up and then down is the identity while a tick is longer than a microsecond.
  const auto hz = *rc::gen::element<std::uint32_t>(8'000, 16'000, 44'100, 48'000, 90'000);
  const auto ticks = *rc::gen::inRange<std::int64_t>(-(1LL << 50), 1LL << 50);
  const microseconds there = to_microseconds(MediaTime(ticks, hz), Rounding::kUp);
  RC_ASSERT(from_microseconds(there, hz, Rounding::kDown).ticks() == ticks);
}

RC_GTEST_PROP(MediaTime, RoundingBracketsTheExactQuotient,
              (std::int32_t value, std::int32_t numerator)) {
  const auto denominator = *rc::gen::nonZero<std::int32_t>();
  const auto down = *multiply_divide(value, numerator, denominator, Rounding::kDown);
  const auto nearest = *multiply_divide(value, numerator, denominator, Rounding::kNearest);
  const auto up = *multiply_divide(value, numerator, denominator, Rounding::kUp);
  const bool is_exact = static_cast<std::int64_t>(value) * numerator % denominator == 0;
  RC_ASSERT(up - down == (is_exact ? 0 : 1));
  RC_ASSERT(nearest == down || nearest == up);
}

RC_GTEST_PROP(MediaTime, TheSameFractionInMoreThan64BitsGivesTheSame, ()) {
  const auto value = *rc::gen::inRange<std::int64_t>(-(1LL << 40), 1LL << 40);
  const auto numerator = *rc::gen::inRange<std::int64_t>(1, 1LL << 20);
  const auto denominator = *rc::gen::inRange<std::int64_t>(1, 1LL << 20);
  constexpr std::int64_t kWide = 1LL << 22;  // products of up to 82 bits
  for (const Rounding rounding : {Rounding::kDown, Rounding::kNearest, Rounding::kUp}) {
    RC_ASSERT(multiply_divide(value, numerator * kWide, denominator * kWide, rounding) ==
              multiply_divide(value, numerator, denominator, rounding));
  }
}

}  // namespace
}  // namespace longtake::media
