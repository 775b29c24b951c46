#include "media/delay_window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace longtake::media {
namespace {

TEST(DelayWindow, KnowsNothingBeforeItsFirstDelay) {
  DelayWindow window;
  EXPECT_EQ(window.least(), std::nullopt);
  window.add(seconds(1), seconds(5));
  EXPECT_EQ(window.least(), seconds(5));
}

TEST(DelayWindow, ForgetsAMinimumAfterAMinute) {
  DelayWindow window;
  window.add(seconds(0), milliseconds(10));
  window.add(seconds(60), milliseconds(30));
  EXPECT_EQ(window.least(), milliseconds(10));
  window.add(seconds(61), milliseconds(30));
  EXPECT_EQ(window.least(), milliseconds(30));
}

RC_GTEST_PROP(DelayWindow, IsTheLeastOfTheLastMinuteInStepsOfASecond, ()) {
  DelayWindow window;
  std::vector<std::pair<microseconds, microseconds>> seen;
  microseconds receipt{0};
  for (int i = 0; i < 200; ++i) {
    receipt += milliseconds(*rc::gen::inRange(0, 3'000));
    seen.emplace_back(receipt, microseconds(*rc::gen::inRange(-1'000, 1'000)));
    window.add(receipt, seen.back().second);
    const microseconds oldest = receipt - receipt % microseconds(seconds(1)) - seconds(60);
    microseconds least = seen.back().second;
    for (const auto& [at, delay] : seen) {
      if (at >= oldest) least = std::min(least, delay);
    }
    RC_ASSERT(window.least() == least);
  }
}

}  // namespace
}  // namespace longtake::media
