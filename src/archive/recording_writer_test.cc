#include "archive/recording_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/disk_bench.h"
#include "isobmff/verify.h"

namespace longtake::archive {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// 2 Mbit/s of 1080p15 H.264 and 32 kbit/s of AAC at 48 kHz, a minute a segment; no two units of a second are of one size.
TEST(RecordingWriter, AFileIsAtMostThreeHundredthsLargerThanWhatTheCameraSent) {
  DiskBench bench;
  bench.camera.seconds_a_segment = 60;
  bench.camera.seconds_a_gop = 2;
  bench.camera.pictures_a_second = 15;
  bench.camera.picture_bytes = 16'600;
  bench.camera.sounds_a_second = 47;
  bench.camera.sound_bytes = 60;
  bench.camera.more_bytes_each = 1;
  std::uint64_t payload_bytes = 0;
  for (int second = 0; second < 180; ++second) {
    for (PendingFragment& fragment : bench.camera.next().fragments) {
      payload_bytes += fragment.payload_bytes;
      bench.recording->submit(std::move(fragment));
    }
    bench.write();
    bench.commit();
  }
  ASSERT_TRUE(bench.finish());
  std::uint64_t file_bytes = 0;
  for (const store::SegmentClosed& closed : bench.facts.of<store::SegmentClosed>())
    file_bytes += closed.size_bytes;
  const double ratio = static_cast<double>(file_bytes) / static_cast<double>(payload_bytes);
  RecordProperty("file_bytes_over_payload", std::to_string(ratio));
  EXPECT_EQ(bench.facts.of<store::SegmentClosed>().size(), 3U);
  EXPECT_GT(ratio, 1.0);
  EXPECT_LE(ratio, 1.03);
}

TEST(RecordingWriter, WritesClosedSegmentsThatHoldEverySecondOnce) {
  DiskBench bench;
  bench.record(25);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(3));
  EXPECT_THAT(bench.facts.of<store::SegmentOpened>(), SizeIs(3));
  EXPECT_EQ(closed[1].segment.sequence, 2U);
  EXPECT_FALSE(closed[1].is_recovered);
  for (const std::string& path : bench.segment_files()) {
    const auto file = bench.memory.open(path, base::OpenMode::kRead);
    const auto verdict = isobmff::verify(**file);
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->is_closed);
    EXPECT_TRUE(verdict->findings.empty());
  }
}

TEST(RecordingWriter, SaysInTheLedgerWhatTheFileSaysOfItself) {
  DiskBench bench;
  bench.record(10);
  ASSERT_TRUE(bench.finish());
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed[0].spans, std::vector<TimeRange>{bench.submitted()});
  EXPECT_EQ(closed[0].size_bytes, bench.memory.status(bench.segment_files()[0])->size_bytes);
  EXPECT_EQ(closed[0].day, to_day(bench.first));
}

TEST(RecordingWriter, BeginsAnotherFileForAnotherRun) {
  DiskBench bench;
  bench.record(3);
  bench.camera.start_run(media::RunId{5U << 24U | 2U});
  bench.record(3);
  ASSERT_TRUE(bench.finish());
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(2));
  EXPECT_EQ(closed[1].segment, (media::SegmentId{media::RunId{5U << 24U | 2U}, 1}));
}

TEST(RecordingWriter, ShowsEachFragmentAtOnceAndItsDurabilityAfterTheCommit) {
  DiskBench bench;
  bench.submit(2);
  bench.write();
  LiveRecordingPtr live = bench.recording->live().load();
  ASSERT_THAT(live->segments, SizeIs(1));
  EXPECT_EQ(live->segments[0].index->spans(), std::vector<TimeRange>{bench.submitted()});
  EXPECT_EQ(live->durable_until, WallTime{});
  bench.commit();
  live = bench.recording->live().load();
  EXPECT_EQ(live->durable_until, bench.camera.now());
  EXPECT_EQ(live->segments[0].durable_bytes, live->segments[0].index->end_bytes());
}

TEST(RecordingWriter, ShowsAClosedSegmentUntilTheCatalogListsIt) {
  DiskBench bench;
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  ASSERT_THAT(bench.recording->live().load()->segments, SizeIs(1));
  EXPECT_TRUE(bench.recording->live().load()->segments[0].is_closed);
  bench.recording->forget(bench.recording->closed_segments().at(0));
  EXPECT_THAT(bench.recording->live().load()->segments, IsEmpty());
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

TEST(RecordingWriter, LetsGoOfMediaOnceItIsDurable) {
  DiskBench bench;
  bench.record(5);
  EXPECT_EQ(bench.budget.held_bytes(), 0U);
  bench.submit(1);
  bench.write();
  EXPECT_GT(bench.budget.held_bytes(), 0U);
}

TEST(RecordingWriter, TellsWhoWaitsWhenAllIsClosedAndDurable) {
  DiskBench bench;
  bool is_done = false;
  bench.submit(3);
  bench.recording->finish_segment();
  bench.recording->on_settled([&] { is_done = true; });
  bench.commit();
  EXPECT_FALSE(is_done);
  bench.write();
  bench.commit();
  EXPECT_TRUE(is_done);
}

// ---- The disk stalls ----

TEST(RecordingWriter, Host12_LosesNothingInAStallOfTenSeconds) {
  DiskBench bench;
  bench.record(5);
  bench.submit(10);
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, Host12_LosesOfASixtySecondStallWhatTheRingCannotHoldAndTellsItExactly) {
  DiskBench bench;
  bench.record(5);
  bench.health.begin_call();  // the writer is stuck in a call
  bench.submit(60);
  bench.health.end_call();
  bench.write();
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  const media::TimeRanges missing = bench.told_missing();
  EXPECT_GT(missing.total(), seconds(40));
  EXPECT_LE(missing.total(), seconds(60 - 15 + 2));
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), missing.ranges());
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kDiskStall);
  }
  EXPECT_THAT(bench.recorded_twice(), IsEmpty());
}

TEST(RecordingWriter, CallsADiskThatAnswersButTooSlowlyBackpressure) {
  DiskBench bench;
  bench.submit(30);
  bench.record(1);
  ASSERT_TRUE(bench.finish());
  ASSERT_FALSE(bench.facts.of<store::GapNoted>().empty());
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kBackpressure);
  }
}

TEST(RecordingWriter, Host11_LosesNothingWhileSyncsTakeLongerThanTheRingButWritesGoThrough) {
  DiskBench bench;
  for (int i = 0; i < 120; ++i) {
    bench.submit(1);
    bench.write();  // and no commit for two minutes
  }
  bench.commit();
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, DropsOldestFirstWhenAllRingsTogetherAreTooLarge) {
  DiskBench bench(/*ring_budget_bytes=*/20'000);
  bench.submit(14);  // 3,000 bytes a second
  bench.record(1);
  ASSERT_TRUE(bench.finish());
  const media::TimeRanges missing = bench.told_missing();
  ASSERT_THAT(missing.ranges(), SizeIs(1));
  EXPECT_EQ(missing.ranges()[0].start, bench.first);
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), missing.ranges());
}

TEST(RecordingWriter, Host19_WritesWhatItHeldWhenTheProcessWasFrozen) {
  DiskBench bench;
  bench.record(3);
  bench.submit(5);
  bench.clock.advance(std::chrono::minutes(30));
  bench.record(2);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

}  // namespace
}  // namespace longtake::archive
