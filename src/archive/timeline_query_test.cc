#include "archive/timeline_query.h"

#include <gtest/gtest.h>

#include "archive/disk_bench.h"

namespace longtake::archive {
namespace {

WallTime at(std::int64_t second) { return WallTime(seconds(1'000'000 + second)); }

LiveSegment live_segment(std::uint32_t sequence, TimeRange range, bool is_closed) {
  auto index = std::make_shared<media::FragmentIndex>();
  index->segment = {media::RunId{9}, sequence};
  index->tracks = {bench_video()};
  index->init_bytes = 1000;
  media::FragmentEntry entry;
  entry.offset_bytes = 1000;
  entry.size_bytes = 500;
  entry.track = 1;
  entry.wall_start = range.start;
  entry.wall_duration = range.length();
  index->fragments = {entry};
  return {"path", index, 0, is_closed};
}

// Asked for from 0 s on; the catalog has [0, 50), the live index [50, 60).
struct TimelineQuery : testing::Test {
  TimelineQuery() {
    stored.armed.add({at(0), WallTime::max()});
    stored.recorded.add({at(0), at(50)});
    live.segments.push_back(live_segment(2, {at(50), at(60)}, false));
  }
  store::Coverage stored;
  LiveRecording live;
};

TEST_F(TimelineQuery, JoinsWhatIsStoredAndWhatIsLive) {
  const auto answer = make_timeline(stored, live, {at(10), at(1000)}, at(50), std::nullopt, at(62));
  EXPECT_EQ(answer.spans, (std::vector<TimeRange>{{at(10), at(60)}}));
  EXPECT_TRUE(answer.gaps.empty());  // the last two seconds are undecided
}

TEST_F(TimelineQuery, LetsAnOpenGapLastUntilNow) {
  stored.reasons.push_back({{at(60), WallTime::max()}, media::Reason::kCameraTimeout});
  const auto answer = make_timeline(stored, live, {at(10), at(1000)}, at(50), std::nullopt, at(75));
  ASSERT_EQ(answer.gaps.size(), 1U);
  EXPECT_EQ(answer.gaps[0].range, (TimeRange{at(60), at(75)}));
  EXPECT_TRUE(answer.gaps[0].is_open);
}

TEST_F(TimelineQuery, KnowsThatAGapIsClosedBeforeTheCatalogDoes) {
  stored.recorded = {};
  stored.recorded.add({at(0), at(40)});
  stored.reasons.push_back({{at(40), WallTime::max()}, media::Reason::kCameraTimeout});
  add_recent({{}, at(50)}, stored);
  const auto answer = make_timeline(stored, live, {at(10), at(1000)}, at(40), std::nullopt, at(75));
  ASSERT_EQ(answer.gaps.size(), 1U);
  EXPECT_EQ(answer.gaps[0].range, (TimeRange{at(40), at(50)}));
  EXPECT_FALSE(answer.gaps[0].is_open);
}

TEST_F(TimelineQuery, KnowsAReasonBeforeTheCatalogDoes) {
  stored.recorded = {};
  stored.recorded.add({at(0), at(40)});
  add_recent({{{{at(40), at(50)}, media::Reason::kDiskStall}}, std::nullopt}, stored);
  const auto answer = make_timeline(stored, live, {at(10), at(1000)}, at(40), std::nullopt, at(75));
  ASSERT_EQ(answer.gaps.size(), 1U);
  EXPECT_EQ(answer.gaps[0].reason, media::Reason::kDiskStall);
}

TEST_F(TimelineQuery, SaysNothingOfTheTimeWhoseFragmentsWaitForTheDisk) {
  stored.reasons.push_back({{at(65), WallTime::max()}, media::Reason::kCameraTimeout});
  const auto answer = make_timeline(stored, live, {at(10), at(1000)}, at(50), at(60), at(75));
  EXPECT_EQ(answer.spans, (std::vector<TimeRange>{{at(10), at(60)}}));
  EXPECT_TRUE(answer.gaps.empty());
}

TEST_F(TimelineQuery, ShowsAHoleThatNobodyExplainsAsLedgerLost) {
  stored.recorded = {};
  live.segments.clear();
  const auto answer = make_timeline(stored, live, {at(10), at(20)}, at(50), std::nullopt, at(75));
  ASSERT_EQ(answer.gaps.size(), 1U);
  EXPECT_EQ(answer.gaps[0].range, (TimeRange{at(10), at(20)}));
  EXPECT_EQ(answer.gaps[0].reason, media::Reason::kLedgerLost);
}

TEST_F(TimelineQuery, CutsDegradedIntervalsToTheQuestion) {
  stored.degraded = {{{at(5), at(15)}, media::Reason::kPacketLoss, 3},
                     {{at(1), at(2)}, media::Reason::kPacketLoss, 1}};
  const auto answer = make_timeline(stored, live, {at(10), at(20)}, at(50), std::nullopt, at(75));
  ASSERT_EQ(answer.degraded.size(), 1U);
  EXPECT_EQ(answer.degraded[0].range, (TimeRange{at(10), at(15)}));
}

TEST_F(TimelineQuery, CountsASegmentInBothHalvesOnce) {
  store::SegmentRow row;
  row.id = {media::RunId{9}, 2};
  row.range = {at(50), at(60)};
  row.size_bytes = 1800;
  live.segments[0].is_closed = true;
  live.segments.push_back(live_segment(3, {at(60), at(65)}, false));
  const auto merged = merge_segments({row}, live, {at(0), at(100)}, 100);
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].size_bytes, 1800U);
  EXPECT_FALSE(merged[0].is_open);
  EXPECT_TRUE(merged[1].is_open);
  EXPECT_EQ(merged[1].size_bytes, 1500U);
  EXPECT_EQ(merge_segments({row}, live, {at(0), at(100)}, 1).size(), 1U);
  EXPECT_EQ(merge_segments({}, live, {at(62), at(100)}, 100).size(), 1U);
}

TEST_F(TimelineQuery, HidesWhatWasLeftOpenAndIsNotRecoveredYet) {
  store::SegmentRow row;
  row.id = {media::RunId{8}, 1};
  row.state = store::SegmentState::kOpen;
  EXPECT_TRUE(merge_segments({row}, LiveRecording(), {at(0), at(100)}, 100).empty());
}

}  // namespace
}  // namespace longtake::archive
