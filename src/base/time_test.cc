#include "base/time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace longtake {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kNoon2026{seconds(1'769'862'896)};  // 2026-01-31T12:34:56Z

TEST(WallTime, IsWrittenInUtcWithMillisecondsRoundedDown) {
  EXPECT_EQ(to_string(kNoon2026 + microseconds(789'999)), "2026-01-31T12:34:56.789Z");
  EXPECT_EQ(to_string(WallTime(microseconds(-1))), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_day(kNoon2026), "20260131");
}

struct WallTimeCase {
  std::string_view text;
  microseconds since_noon;
};
class WallTimeText : public testing::TestWithParam<WallTimeCase> {};

TEST_P(WallTimeText, IsRead) {
  const auto time = parse_wall_time(GetParam().text);
  ASSERT_TRUE(time.has_value()) << time.error().message();
  EXPECT_EQ(*time - kNoon2026, GetParam().since_noon);
}
INSTANTIATE_TEST_SUITE_P(
    Rfc3339, WallTimeText,
    testing::Values(WallTimeCase{"2026-01-31T12:34:56Z", seconds(0)},
                    WallTimeCase{"2026-01-31t12:34:56z", seconds(0)},
                    WallTimeCase{"2026-01-31T12:34:56.5Z", milliseconds(500)},
                    WallTimeCase{"2026-01-31T12:34:56.123456789Z", microseconds(123'456)},
                    WallTimeCase{"2026-01-31T13:34:56+01:00", seconds(0)},
                    WallTimeCase{"2026-01-31T07:04:56-05:30", seconds(0)},
                    WallTimeCase{"2026-01-31T12:34:60Z", seconds(4)}));  // a leap second

class NoWallTime : public testing::TestWithParam<std::string_view> {};

TEST_P(NoWallTime, IsRefusedWithAnExampleOfHowToWriteIt) {
  const auto time = parse_wall_time(GetParam());
  ASSERT_FALSE(time.has_value());
  EXPECT_EQ(time.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(time.error().message().find("2026-01-31T12:34:56Z"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Rfc3339, NoWallTime,
    testing::Values("", "2026-01-31", "2026-01-31T12:34:56", "2026-01-31 12:34:56Z",
                    "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
                    "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:34:61Z",
                    "2026-01-31T12:34:56.Z", "2026-01-31T12:34:56.1234567890Z",
                    "2026-01-31T12:34:56+24:00", "2026-01-31T12:34:56+0100",
                    "2026-01-31T12:34:56Zx", "-026-01-31T12:34:56Z", "26-01-31T12:34:56Z"));

RC_GTEST_PROP(WallTime, IsReadBackAsItWasWritten, ()) {
  // The years that four digits can write.
  const auto ms = *rc::gen::inRange<std::int64_t>(-62'167'219'200'000, 253'402'300'800'000);
  const WallTime time{milliseconds(ms)};
  RC_ASSERT(parse_wall_time(to_string(time)).value() == time);
}

struct DurationCase {
  std::string_view text;
  microseconds length;
};
class DurationText : public testing::TestWithParam<DurationCase> {};

TEST_P(DurationText, IsRead) {
  const auto duration = parse_duration(GetParam().text);
  ASSERT_TRUE(duration.has_value()) << duration.error().message();
  EXPECT_EQ(*duration, GetParam().length);
}
INSTANTIATE_TEST_SUITE_P(
    Durations, DurationText,
    testing::Values(DurationCase{"PT30S", seconds(30)}, DurationCase{"P7D", hours(168)},
                    DurationCase{"PT1H30M", minutes(90)}, DurationCase{"PT0.5S", milliseconds(500)},
                    DurationCase{"PT0,25S", milliseconds(250)},
                    DurationCase{"P1DT2H3M4.000005S",
                                 hours(26) + minutes(3) + seconds(4) + microseconds(5)},
                    DurationCase{"PT0S", seconds(0)}, DurationCase{"PT90M", minutes(90)},
                    DurationCase{"30s", seconds(30)}, DurationCase{"5m", minutes(5)},
                    DurationCase{"12h", hours(12)}, DurationCase{"7d", hours(168)},
                    DurationCase{"2w", hours(336)}, DurationCase{"0s", seconds(0)}));

class NoDuration : public testing::TestWithParam<std::string_view> {};

TEST_P(NoDuration, IsRefusedWithAnExampleOfHowToWriteIt) {
  const auto duration = parse_duration(GetParam());
  ASSERT_FALSE(duration.has_value());
  EXPECT_EQ(duration.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(duration.error().message().find("PT30S"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(Durations, NoDuration,
                         testing::Values("", "P", "PT", "P1DT", "PT5", "P1H", "PT1D", "PT1S1M",
                                         "PT1M1M", "PT1.5M", "PT1.S", "P1Y", "P1M", "P1W", "-PT1S",
                                         "30", "s", "30 s", "30sec", "1.5h", "-5m", "5m30s",
                                         "PTT1S", "99999999999999999999s", "9223372036854775807w",
                                         "P106751992D", "PT9223372036854.775808S"));

TEST(Duration, LargestThatFitsIsRead) {
  EXPECT_EQ(parse_duration("PT9223372036854.775807S"), microseconds::max());
}

TEST(Duration, TheRefusedTextIsQuotedWithoutWhatATerminalWouldObey) {
  const auto duration = parse_duration("\x1b[2J\n");
  ASSERT_FALSE(duration.has_value());
  EXPECT_EQ(duration.error().message().find('\x1b'), std::string::npos);
}

struct ShortCase {
  microseconds length;
  std::string_view text;
};
class ShortText : public testing::TestWithParam<ShortCase> {};

TEST_P(ShortText, ShowsTheFiguresAPersonCompares) {
  EXPECT_EQ(to_short_string(GetParam().length), GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(
    Durations, ShortText,
    testing::Values(ShortCase{microseconds(0), "0us"}, ShortCase{microseconds(999), "999us"},
                    ShortCase{microseconds(1'999), "1ms"}, ShortCase{milliseconds(250), "250ms"},
                    ShortCase{milliseconds(1'500), "1.50s"},
                    ShortCase{milliseconds(9'999), "9.99s"}, ShortCase{seconds(30), "30.0s"},
                    ShortCase{milliseconds(59'999), "59.9s"}, ShortCase{seconds(60), "1m"},
                    ShortCase{seconds(303), "5m 3s"}, ShortCase{minutes(125), "2h 5m"},
                    ShortCase{hours(168), "7d"}, ShortCase{hours(171), "7d 3h"},
                    ShortCase{milliseconds(-1'500), "-1.50s"},
                    ShortCase{microseconds::min(), "-106751991d 4h"}));

TEST(TimeRange, IsHalfOpen) {
  const TimeRange range{kNoon2026, kNoon2026 + seconds(2)};
  EXPECT_EQ(range.length(), seconds(2));
  EXPECT_FALSE(range.is_empty());
  EXPECT_TRUE((TimeRange{kNoon2026, kNoon2026}.is_empty()));
  EXPECT_TRUE((TimeRange{kNoon2026, kNoon2026 - seconds(1)}.is_empty()));
}

}  // namespace
}  // namespace longtake
