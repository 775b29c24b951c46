#include "archive/gap_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/degraded_log.h"

namespace longtake::archive {
namespace {

using media::Reason;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using testing::ElementsAre;
using testing::IsEmpty;

struct Facts final : store::FactSink {
  void append(store::Fact fact) override { all.push_back(std::move(fact)); }
  std::vector<store::Fact> all;
};

constexpr media::RecordingId kId{7};
constexpr WallTime kNoon{seconds(1'800'000'000)};

store::Fact opened(WallTime from, Reason reason) { return store::GapOpened{kId, from, reason, ""}; }
store::Fact closed(WallTime to) { return store::GapClosed{kId, to}; }

TEST(GapTracker, TellsAGapsBeginningAndEnd) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.open(kNoon, Reason::kCameraTimeout, "");
  EXPECT_TRUE(gaps.is_open());
  gaps.close(kNoon + 3s);
  gaps.close(kNoon + 4s);
  EXPECT_THAT(facts.all, ElementsAre(opened(kNoon, Reason::kCameraTimeout), closed(kNoon + 3s)));
}

TEST(GapTracker, TheSameReasonAgainIsNoNews) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.open(kNoon, Reason::kAuthFailed, "");
  gaps.open(kNoon + 60s, Reason::kAuthFailed, "");
  EXPECT_THAT(facts.all, ElementsAre(opened(kNoon, Reason::kAuthFailed)));
}

TEST(GapTracker, AnotherReasonTakesOverAndNeverBeforeTheFirst) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.open(kNoon, Reason::kCameraTimeout, "");
  gaps.open(kNoon - 5s, Reason::kDnsFailed, "");
  gaps.close(kNoon - 9s);
  EXPECT_THAT(facts.all, ElementsAre(opened(kNoon, Reason::kCameraTimeout),
                                     opened(kNoon, Reason::kDnsFailed), closed(kNoon)));
}

TEST(GapTracker, RecoverysGapIsOnlyEnded) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.assume_downtime(kNoon);
  EXPECT_FALSE(gaps.open_reason().has_value());
  gaps.close(kNoon + 2s);
  EXPECT_THAT(facts.all, ElementsAre(closed(kNoon + 2s)));
}

TEST(GapTracker, AnEmptyGapIsNotNoted) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.note({kNoon, kNoon}, Reason::kPacketLoss, "");
  EXPECT_THAT(facts.all, IsEmpty());
}

TEST(GapTracker, Host23_GapsOfAWrongClockAreToldAgainWithTheRightTime) {
  Facts facts;
  GapTracker gaps(kId, facts);
  const WallTime wrong(seconds(100));
  gaps.set_clock(0s, true);
  gaps.open(wrong, Reason::kCameraTimeout, "");
  gaps.close(wrong + 5s);
  gaps.open(wrong + 9s, Reason::kAuthFailed, "");
  facts.all.clear();
  gaps.retell(1000s);
  const std::string again = "told again with the right time";
  EXPECT_THAT(
      facts.all,
      ElementsAre(store::Fact(store::GapNoted{
                      kId, {wrong + 1000s, wrong + 1005s}, Reason::kCameraTimeout, again}),
                  store::Fact(store::GapOpened{kId, wrong + 1009s, Reason::kAuthFailed, again})));
}

TEST(GapTracker, Host23_AGapOfTheRightTimeIsNotEndedByAWrongClock) {
  Facts facts;
  GapTracker gaps(kId, facts);
  gaps.set_clock(1000s, false);
  gaps.open(kNoon, Reason::kCameraTimeout, "");
  gaps.set_clock(0s, true);
  gaps.close(WallTime(seconds(50)));
  EXPECT_THAT(facts.all, ElementsAre(opened(kNoon, Reason::kCameraTimeout)));
  gaps.retell(kNoon.time_since_epoch());
  EXPECT_THAT(facts.all, ElementsAre(opened(kNoon, Reason::kCameraTimeout), closed(kNoon + 50s)));
}

TEST(DegradedLog, CountsUpWhatHappensWithinTenSeconds) {
  Facts facts;
  DegradedLog log(kId, facts);
  log.add({kNoon, kNoon}, Reason::kPacketLoss, 2);
  log.add({kNoon + 9s, kNoon + 9s}, Reason::kPacketLoss, 3);
  log.flush_due(kNoon + 9900ms);
  EXPECT_THAT(facts.all, IsEmpty());
  log.flush_due(kNoon + 10s);
  EXPECT_THAT(facts.all, ElementsAre(store::Fact(store::DegradedNoted{
                             kId, {kNoon, kNoon + 10s}, Reason::kPacketLoss, 5})));
}

TEST(DegradedLog, AThirdWindowIsAnotherInterval) {
  Facts facts;
  DegradedLog log(kId, facts);
  for (int i = 0; i < 25; ++i) log.add({kNoon + i * 1s, kNoon + i * 1s}, Reason::kPacketLoss, 1);
  log.flush(kNoon + 25s);
  ASSERT_EQ(facts.all.size(), 3U);
  EXPECT_EQ(std::get<store::DegradedNoted>(facts.all[2]),
            (store::DegradedNoted{kId, {kNoon + 20s, kNoon + 25s}, Reason::kPacketLoss, 5}));
}

TEST(DegradedLog, ReasonsAreCountedApart) {
  Facts facts;
  DegradedLog log(kId, facts);
  log.add({kNoon, kNoon}, Reason::kPacketLoss, 1);
  log.add({kNoon, kNoon + 2s}, Reason::kAudioLost, 1);
  log.flush(kNoon + 3s);
  EXPECT_EQ(facts.all.size(), 2U);
}

}  // namespace
}  // namespace longtake::archive
