#include "rtsp/media_watchdog.h"

#include <gtest/gtest.h>

#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using test::at;

TEST(MediaWatchdog, Cam02_ExpiresFiveSecondsAfterTheLastPacket) {
  MediaWatchdog watchdog;
  watchdog.start(at(seconds(0)));
  watchdog.on_packet(at(seconds(1)));
  EXPECT_FALSE(watchdog.is_expired(at(seconds(6))));
  EXPECT_TRUE(watchdog.is_expired(at(seconds(6) + nanoseconds(1))));
}

TEST(MediaWatchdog, Cam02_WaitsThreeTimesTheMedianInterval) {
  MediaWatchdog watchdog;
  watchdog.start(at(seconds(0)));
  for (const int second : {0, 4, 8, 12, 13, 17}) {
    watchdog.on_packet(at(seconds(second)));
    watchdog.on_unit(at(seconds(second)));
  }
  EXPECT_EQ(watchdog.limit(), seconds(12));
  EXPECT_FALSE(watchdog.is_expired(at(seconds(29))));
  EXPECT_TRUE(watchdog.is_expired(at(seconds(30))));
}

TEST(MediaWatchdog, ForgetsIntervalsOlderThanSixteenUnits) {
  MediaWatchdog watchdog;
  watchdog.start(at(seconds(0)));
  MonotonicTime now = at(seconds(0));
  for (int i = 0; i < 40; ++i) watchdog.on_unit(now += i < 20 ? seconds(60) : seconds(1));
  EXPECT_EQ(watchdog.limit(), seconds(5));
}

}  // namespace
}  // namespace longtake::rtsp
