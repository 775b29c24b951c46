#include "base/clock.h"

#include <gtest/gtest.h>

namespace longtake::base {
namespace {

TEST(ManualClock, WallTimeFollowsMonotonicTime) {
  ManualClock clock(WallTime(seconds(1'000)));
  const MonotonicTime start = clock.now();
  EXPECT_EQ(clock.wall_now(), WallTime(seconds(1'000)));
  clock.advance(milliseconds(1'500));
  EXPECT_EQ(clock.now() - start, milliseconds(1'500));
  EXPECT_EQ(clock.wall_now(), WallTime(milliseconds(1'001'500)));
}

TEST(ManualClock, SteppingTheWallClockLeavesMonotonicTimeAlone) {
  ManualClock clock(WallTime(seconds(1'000)));
  const MonotonicTime start = clock.now();
  clock.step_wall(-seconds(400));
  EXPECT_EQ(clock.wall_now(), WallTime(seconds(600)));
  EXPECT_EQ(clock.now(), start);
}

TEST(SystemClock, MonotonicTimeNeverGoesBack) {
  const SystemClock clock;
  MonotonicTime last = clock.now();
  for (int i = 0; i < 1'000; ++i) {
    const MonotonicTime now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClock, WallTimeIsThatOfTheSystem) {
  const auto before = std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  const WallTime asked = SystemClock().wall_now();
  const auto after = std::chrono::system_clock::now();
  EXPECT_LE(before, asked);
  EXPECT_LE(asked, after);
}

}  // namespace
}  // namespace longtake::base
