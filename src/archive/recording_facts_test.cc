#include "archive/recording_facts.h"

#include <gtest/gtest.h>

#include "archive/disk_bench.h"

namespace longtake::archive {
namespace {

using media::Reason;

WallTime at(std::int64_t second) { return WallTime(seconds(1'000'000 + second)); }

TEST(RecordingFacts, LeaveTheDowntimeOpenUntilTheRecordersFirstWord) {
  CollectedFacts ledger;
  RecordingFacts facts(media::RecordingId{7}, ledger);
  facts.explain_downtime(at(50), Reason::kCrash, "");
  ASSERT_EQ(ledger.of<store::GapOpened>().size(), 1U);
  EXPECT_EQ(ledger.of<store::GapOpened>()[0].from, at(50));
}

TEST(RecordingFacts, EndTheDowntimeWhereTheRecorderSpokeFirst) {
  CollectedFacts ledger;
  RecordingFacts facts(media::RecordingId{7}, ledger);
  facts.append(store::GapClosed{media::RecordingId{7}, at(103)});
  facts.append(store::GapOpened{media::RecordingId{7}, at(120), Reason::kCameraTimeout, ""});
  facts.explain_downtime(at(50), Reason::kCrash, "");
  ASSERT_EQ(ledger.of<store::GapNoted>().size(), 1U);
  EXPECT_EQ(ledger.of<store::GapNoted>()[0].range, (TimeRange{at(50), at(103)}));
}

TEST(RecordingFacts, RememberTheGapsThatTheCatalogMayNotHaveYet) {
  CollectedFacts ledger;
  RecordingFacts facts(media::RecordingId{7}, ledger);
  facts.append(store::GapNoted{media::RecordingId{7}, {at(1), at(2)}, Reason::kDiskFull, ""});
  const std::uint64_t told = facts.told();
  facts.append(store::GapNoted{media::RecordingId{7}, {at(5), at(6)}, Reason::kDiskStall, ""});
  EXPECT_EQ(facts.recent().reasons.size(), 2U);
  facts.applied(told);
  ASSERT_EQ(facts.recent().reasons.size(), 1U);
  EXPECT_EQ(facts.recent().reasons[0].reason, Reason::kDiskStall);
  facts.applied(facts.told());
  EXPECT_TRUE(facts.recent().reasons.empty());
}

TEST(RecordingFacts, KnowWhetherAGapIsOpen) {
  CollectedFacts ledger;
  RecordingFacts facts(media::RecordingId{7}, ledger);
  EXPECT_FALSE(facts.recent().closed_at.has_value());
  facts.append(store::GapOpened{media::RecordingId{7}, at(1), Reason::kDnsFailed, ""});
  EXPECT_EQ(facts.recent().reasons[0].range, (TimeRange{at(1), WallTime::max()}));
  facts.append(store::GapClosed{media::RecordingId{7}, at(5)});
  EXPECT_EQ(facts.recent().reasons[0].range, (TimeRange{at(1), at(5)}));
  EXPECT_EQ(facts.recent().closed_at, at(5));
}

TEST(RecordingFacts, RememberNoMoreThanTheirLimit) {
  CollectedFacts ledger;
  RecordingFacts facts(media::RecordingId{7}, ledger);
  for (std::size_t i = 0; i <= RecordingFacts::kRecent; ++i) {
    facts.append(store::GapNoted{media::RecordingId{7}, {at(1), at(2)}, Reason::kDiskFull, ""});
  }
  EXPECT_EQ(facts.recent().reasons.size(), RecordingFacts::kRecent);
  facts.applied(2);
  EXPECT_EQ(facts.recent().reasons.size(), RecordingFacts::kRecent - 1);
}

}  // namespace
}  // namespace longtake::archive
