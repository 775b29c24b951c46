#include "archive/downtime.h"

#include <gtest/gtest.h>

#include "archive/disk_bench.h"

namespace longtake::archive {
namespace {

using media::Reason;

WallTime at(std::int64_t second) { return WallTime(seconds(1'000'000 + second)); }

// The recording is asked for from 0 s on and was recorded until 50 s; the program was last seen at 60 s and is back at 100 s.
struct DowntimeTest : testing::Test {
  DowntimeTest() {
    coverage.armed.add({at(0), WallTime::max()});
    coverage.recorded.add({at(0), at(50)});
  }
  store::Coverage coverage;
  Downtime crash{Reason::kCrash, at(60), at(100)};
  Downtime stop{Reason::kOperatorStop, at(60), at(100)};
};

TEST_F(DowntimeTest, Host01_BeginsWhereTheFootageEnds) {
  EXPECT_EQ(downtime_begin(coverage, crash), at(50));
}

TEST_F(DowntimeTest, BeginsWhereTheProgramWasLastSeenWhenACameraWasAlreadyAway) {
  coverage.reasons.push_back({{at(50), WallTime::max()}, Reason::kCameraDisconnected});
  EXPECT_EQ(downtime_begin(coverage, crash), at(60));
}

TEST_F(DowntimeTest, IsNotFooledByAGapThatWasOverBeforeTheFootageEnded) {
  coverage.reasons.push_back({{at(10), at(12)}, Reason::kCameraDisconnected});
  EXPECT_EQ(downtime_begin(coverage, crash), at(50));
}

TEST_F(DowntimeTest, BeginsBehindWhatTheLastLifeToldOfTheTimeAfterItsFootage) {
  coverage.reasons.push_back({{at(50), at(55)}, Reason::kBackpressure});
  EXPECT_EQ(downtime_begin(coverage, crash), at(55));
}

TEST_F(DowntimeTest, BeginsWhereTheProgramWasLastSeenAlsoWhenThisLifeEndedTheOldGap) {
  coverage.reasons.push_back({{at(50), at(103)}, Reason::kCameraDisconnected});
  EXPECT_EQ(downtime_begin(coverage, crash), at(60));
}

TEST_F(DowntimeTest, SaysNothingAfterAnOrderlyStopThatToldItsOwnGap) {
  coverage.reasons.push_back({{at(50), WallTime::max()}, Reason::kOperatorStop});
  EXPECT_EQ(downtime_begin(coverage, stop), std::nullopt);
}

TEST_F(DowntimeTest, ExplainsAnOrderlyStopThatToldNone) {
  EXPECT_EQ(downtime_begin(coverage, stop), at(50));
}

TEST_F(DowntimeTest, SaysNothingWhereNothingWasAskedFor) {
  coverage.armed = {};
  EXPECT_EQ(downtime_begin(coverage, crash), std::nullopt);
  coverage.armed.add({at(0), at(55)});
  EXPECT_EQ(downtime_begin(coverage, crash), std::nullopt);
}

TEST_F(DowntimeTest, BeginsWhenRecordingWasAskedForWhereNothingWasEverRecorded) {
  coverage.recorded = {};
  EXPECT_EQ(downtime_begin(coverage, crash), at(0));
}

TEST_F(DowntimeTest, IgnoresWhatThisLifeHasRecordedAlready) {
  coverage.recorded.add({at(103), at(110)});
  EXPECT_EQ(downtime_begin(coverage, crash), at(50));
}

TEST_F(DowntimeTest, SaysNothingWhereTheClockWentBackBehindTheFootage) {
  coverage.recorded.add({at(50), at(500)});
  EXPECT_EQ(downtime_begin(coverage, crash), std::nullopt);
}

TEST_F(DowntimeTest, BeginsWithTheFootageWhenNobodyKnowsWhenTheProgramWasLastSeen) {
  crash.last_alive = std::nullopt;
  EXPECT_EQ(downtime_begin(coverage, crash), at(50));
}

}  // namespace
}  // namespace longtake::archive
