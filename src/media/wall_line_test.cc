#include "media/wall_line.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace longtake::media {
namespace {

TEST(WallLine, HoldsItsFirstOffsetUpToWhereItStarts) {
  WallLine line(500);
  line.start(seconds(5), seconds(100));
  EXPECT_EQ(line.offset_at(seconds(0)), seconds(100));
  EXPECT_EQ(line.offset_at(seconds(5)), seconds(100));
}

TEST(WallLine, MovesByTheSlewRateAndNoFaster) {
  WallLine line(500);
  line.start(seconds(1), microseconds(0));
  for (int second = 1; second <= 101; ++second) line.extend(seconds(second), seconds(10));
  EXPECT_EQ(line.offset_at(seconds(101)), milliseconds(50));
}

TEST(WallLine, ComesToRestOnItsTarget) {
  WallLine line(500);
  line.start(seconds(1), microseconds(0));
  for (int second = 1; second <= 1'200; ++second) line.extend(seconds(second), milliseconds(100));
  EXPECT_NEAR(static_cast<double>(line.offset_at(seconds(1'200)).count()), 100'000, 100);
}

TEST(WallLine, AHoleOfADayIsOneStretchAtTheSameRate) {
  WallLine line(500);
  line.start(seconds(1), microseconds(0));
  line.extend(seconds(86'400), seconds(100));
  EXPECT_LE(line.offset_at(seconds(86'400)), milliseconds(43'200));
  EXPECT_GE(line.offset_at(seconds(86'400)), milliseconds(43'100));
}

RC_GTEST_PROP(WallLine, NeverRunsBackwardAndNeverTakesAWordBack, ()) {
  WallLine line(500);
  line.start(microseconds(0), microseconds(0));
  microseconds position{0};
  std::vector<std::pair<microseconds, microseconds>> said;
  for (int i = 0; i < 100; ++i) {
    position += microseconds(*rc::gen::inRange(1, 5'000'000));
    line.extend(position, microseconds(*rc::gen::inRange(-5'000'000, 5'000'000)));
    said.emplace_back(position, position + line.offset_at(position));
  }
  microseconds before = said.front().second;
  for (const auto& [at, wall] : said) {
    RC_ASSERT(at + line.offset_at(at) == wall);
    RC_ASSERT(wall >= before);
    before = wall;
  }
}

}  // namespace
}  // namespace longtake::media
