#include "archive/reaper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"

namespace longtake::archive {
namespace {

using std::chrono_literals::operator""s;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kSegmentBytes = 1'000'000;
constexpr microseconds kTenYears = std::chrono::hours(24 * 3650);

/// A volume with a real catalog and files in memory, a ledger that is a list, and a reaper that a test drives.
class ReaperTest : public testing::Test, public store::FactSink {
 protected:
  ReaperTest()
      : folder_path_(testing::TempDir() + "reaper-" +
                     testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_path_);
    std::filesystem::create_directories(folder_path_);
    auto writer = store::CatalogWriter::open(folder_path_ + "/catalog.db");
    catalog = std::move(*writer);
    front = {"recordings/front-0000000000000001", "front", media::RecordingId{1}, start, true};
    EXPECT_TRUE(base::make_directories(memory, front.path));
    append(store::RecordingCreated{front.id, front.name, start});
    append(store::Armed{front.id, start});
    EXPECT_TRUE(apply());
  }
  ~ReaperTest() override {
    reaper.reset();
    catalog.reset();
    std::filesystem::remove_all(folder_path_);
  }

  void append(store::Fact fact) override { facts.push_back(std::move(fact)); }
  Result<void> apply() {
    std::vector<store::CatalogWriter::Entry> entries;
    for (; applied < facts.size(); ++applied) entries.push_back({applied + 1, &facts[applied]});
    return catalog->apply(entries);
  }

  /// `count` closed segments of a minute each, from `start` on.
  void record(std::uint32_t count) {
    for (std::uint32_t i = 1; i <= count; ++i) {
      const WallTime from = start + (i - 1) * 60s;
      const store::SegmentClosed closed{front.id,      {media::RunId{1}, i}, to_day(from),
                                        kSegmentBytes, {{from, from + 60s}}, false};
      const std::string day = base::join_path(front.path, closed.day);
      ASSERT_TRUE(base::make_directories(memory, day));
      auto file = memory.open(path_of(i), base::OpenMode::kCreateNew);
      ASSERT_TRUE(file);
      const Bytes content(100);
      const ByteSpan parts[] = {content};
      ASSERT_TRUE((*file)->write_at(0, parts));
      ASSERT_TRUE((*file)->sync());
      ASSERT_TRUE(memory.sync_directory(day));
      append(closed);
    }
    ASSERT_TRUE(apply());
    clock.advance(count * 60s);
  }
  std::string path_of(std::uint32_t sequence) const {
    return segment_path(front.path, to_day(start + (sequence - 1) * 60s),
                        {media::RunId{1}, sequence});
  }
  std::vector<std::uint32_t> files_left() {
    std::vector<std::uint32_t> left;
    for (std::uint32_t i = 1; i <= 200; ++i) {
      if (memory.status(path_of(i))) left.push_back(i);
    }
    return left;
  }
  std::vector<std::uint32_t> rows(store::SegmentState state) {
    auto reader = store::CatalogReader::open(folder_path_ + "/catalog.db");
    std::vector<std::uint32_t> found;
    const auto all = (*reader)->in_state(state, 1000);
    for (const store::SegmentRow& row : *all) found.push_back(row.id.sequence);
    return found;
  }

  Reaper& start_reaper() {
    time = std::make_unique<TrustedTime>(memory, clock, base::null_logger(), "boot");
    for (int i = 0; i < 61; ++i) {
      clock.advance(1s);
      time->observe();
    }
    reaper = std::make_unique<Reaper>(Reaper::Environment{
        files,
        clock,
        base::null_logger(),
        metrics,
        *time,
        *this,
        [this]() -> Result<void> {
          if (fail_sync) return fail(ErrorCode::kUnavailable, "crash");
          ledgered = facts.size();
          return {};
        },
        [this]() -> Result<void> {
          if (fail_flush) return fail(ErrorCode::kUnavailable, "crash");
          return apply();
        },
        [this](media::RecordingId id, std::vector<media::SegmentId> segments) {
          if (fail_purge) return;
          EXPECT_TRUE(catalog->purge(id, segments));
          if (++purges == 1) first_purge.set_value();
        },
        [this] { return store::CatalogReader::open(folder_path_ + "/catalog.db"); },
        [this] { return std::vector{front}; },
        [] { return true; },
        {}});
    return *reaper;
  }
  void keep(std::optional<microseconds> age, std::optional<std::uint64_t> size = std::nullopt) {
    RecordingConfig config;
    config.name = "front";
    config.keep = age;
    config.max_size_bytes = size;
    reaper->set_policy(config);
  }
  void fail_removals() {
    files.set_script([](const base::FileCall& call) {
      base::Fault fault;
      if (call.kind == base::FileCall::Kind::kRemove)
        fault.error = Error(ErrorCode::kPermissionDenied, "immutable");
      return fault;
    });
  }

  base::ManualClock clock;
  const WallTime start = clock.wall_now();
  base::MemoryFileSystem memory;
  base::FaultyFileSystem files{memory};
  base::Metrics metrics;
  std::string folder_path_;
  std::unique_ptr<store::CatalogWriter> catalog;
  RecordingFolder front;
  std::vector<store::Fact> facts;
  std::size_t applied = 0;
  std::size_t ledgered = 0;
  bool fail_sync = false;
  bool fail_flush = false;
  bool fail_purge = false;
  int purges = 0;
  std::promise<void> first_purge;
  std::unique_ptr<TrustedTime> time;
  std::unique_ptr<Reaper> reaper;
};

TEST_F(ReaperTest, DeletesWhatIsOlderThanItsKeepAndLeavesTheRest) {
  record(10);
  start_reaper();
  keep(300s);
  const auto report = reaper->pass();
  ASSERT_TRUE(report) << report.error().message();
  // 661 s have passed: six ends are more than 300 s old.
  EXPECT_EQ(report->deleted, 6U);
  EXPECT_THAT(files_left(), ElementsAre(7, 8, 9, 10));
  EXPECT_THAT(rows(store::SegmentState::kClosed), ElementsAre(7, 8, 9, 10));
  EXPECT_THAT(rows(store::SegmentState::kDeleted), IsEmpty());
  const auto& last = std::get<store::SegmentDeleted>(facts.back());
  EXPECT_EQ(last.reason, media::Reason::kRetention);
  EXPECT_EQ(last.spans, (std::vector<TimeRange>{{start + 300s, start + 360s}}));
  EXPECT_EQ(ledgered, facts.size());
}

TEST_F(ReaperTest, Ret03_AClockTenYearsAheadDeletesNothing) {
  record(10);
  start_reaper();
  keep(std::chrono::hours(24));
  clock.step_wall(kTenYears);
  clock.set_synchronised(false);
  time->observe();
  for (int i = 0; i < 100; ++i) {
    clock.advance(1s);
    time->observe();
    ASSERT_EQ(reaper->pass()->deleted, 0U);
  }
  EXPECT_THAT(files_left(), SizeIs(10));
}

TEST_F(ReaperTest, Ret03_AConfirmedJumpDeletesByAgeAtALimitedRate) {
  record(150);
  // Ten more, too large for the burst together with the small ones: the allowance is counted by the catalog.
  for (std::uint32_t i = 151; i <= 160; ++i) {
    const WallTime from = start + (i - 1) * 60s;
    append(store::SegmentClosed{
        front.id, {media::RunId{1}, i}, to_day(from), 200'000'000, {{from, from + 60s}}, false});
  }
  ASSERT_TRUE(apply());
  start_reaper();
  keep(std::chrono::hours(24));
  clock.step_wall(kTenYears);
  for (int i = 0; i < 301; ++i) {
    clock.advance(1s);
    time->observe();
  }
  ASSERT_FALSE(time->is_suspect());
  std::size_t deleted = 0;
  for (int i = 0; i < 5; ++i) deleted += reaper->pass()->deleted;
  EXPECT_EQ(deleted, 150U);
  clock.advance(4s);
  time->observe();
  EXPECT_EQ(reaper->pass()->deleted, 0U);
}

TEST_F(ReaperTest, ARecordingKeepsToItsSize) {
  record(10);
  start_reaper();
  keep(std::nullopt, 4 * kSegmentBytes);
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), ElementsAre(7, 8, 9, 10));
}

TEST_F(ReaperTest, TheFolderKeepsToItsSize) {
  record(10);
  start_reaper();
  VolumePolicy policy;
  policy.max_total_bytes = 4 * kSegmentBytes;
  reaper->set_volume_policy(policy);
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), ElementsAre(7, 8, 9, 10));
}

TEST_F(ReaperTest, Host08_ShortSpaceTakesTheOldestAndThenCanMakeNoMoreRoom) {
  record(10);
  start_reaper();
  EXPECT_TRUE(reaper->can_make_room());
  memory.set_capacity(10 << 20);  // below any floor, whatever goes
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), IsEmpty());
  ASSERT_TRUE(reaper->pass());
  EXPECT_FALSE(reaper->can_make_room());
}

TEST_F(ReaperTest, UnderPressureTrashGoesFirst) {
  record(1);
  ASSERT_TRUE(base::make_directories(memory, "trash/old"));
  ASSERT_TRUE(memory.open("trash/old/file", base::OpenMode::kCreateNew));
  start_reaper();
  memory.set_capacity(10 << 20);
  ASSERT_TRUE(reaper->pass());
  EXPECT_FALSE(memory.status("trash/old/file"));
}

TEST_F(ReaperTest, Ret06_ACrashAfterTheLedgerLeavesNoFileWithoutARowOrRowWithoutAFile) {
  record(3);
  start_reaper();
  keep(0s);
  fail_flush = true;  // the process dies between ledger and catalog
  EXPECT_FALSE(reaper->pass());
  EXPECT_THAT(files_left(), SizeIs(3));
  fail_flush = false;
  ASSERT_TRUE(apply());  // the next start replays the ledger
  start_reaper();
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), IsEmpty());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), IsEmpty());
}

TEST_F(ReaperTest, Ret06_ALedgerThatCannotBeSyncedDeletesNothing) {
  record(3);
  start_reaper();
  keep(0s);
  fail_sync = true;
  EXPECT_FALSE(reaper->pass());
  EXPECT_THAT(files_left(), SizeIs(3));
}

TEST_F(ReaperTest, Ret06_ACrashBeforeThePurgeBuriesAgain) {
  record(3);
  start_reaper();
  keep(0s);
  fail_purge = true;
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), IsEmpty());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), SizeIs(3));
  fail_purge = false;
  start_reaper();
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), IsEmpty());
}

TEST_F(ReaperTest, Ret06_APowerCutAfterTheUnlinkBringsBackAFileThatItsTombstoneBuries) {
  record(3);
  start_reaper();
  keep(0s);
  files.set_script([](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kSyncDirectory)
      fault.error = Error(ErrorCode::kDataLoss, "power is gone");
    return fault;
  });
  ASSERT_TRUE(reaper->pass());
  memory.power_cut();
  EXPECT_THAT(files_left(), SizeIs(3));
  EXPECT_THAT(rows(store::SegmentState::kDeleted), SizeIs(3));
  files.set_script({});
  start_reaper();
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), IsEmpty());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), IsEmpty());
}

TEST_F(ReaperTest, Ret07_AFileThatCannotBeUnlinkedKeepsItsTombstoneAndIsTriedAgainAfterAMinute) {
  record(3);
  start_reaper();
  keep(0s);
  fail_removals();
  const auto report = reaper->pass();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->failed, 3U);
  EXPECT_FALSE(reaper->can_make_room());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), SizeIs(3));
  EXPECT_THAT(metrics.text(), testing::HasSubstr("longtake_retention_failed_unlinks_total 3"));
  EXPECT_EQ(reaper->pass()->failed, 0U);  // not yet again
  files.set_script({});
  clock.advance(61s);
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), IsEmpty());
  EXPECT_THAT(rows(store::SegmentState::kDeleted), IsEmpty());
}

TEST_F(ReaperTest, Ret07_OneBadFileDoesNotStopTheOthers) {
  record(3);
  start_reaper();
  keep(0s);
  const std::string bad = path_of(2);
  files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kRemove && call.path == bad) {
      fault.error = Error(ErrorCode::kDataLoss, "input/output error");
    }
    return fault;
  });
  ASSERT_TRUE(reaper->pass());
  EXPECT_THAT(files_left(), ElementsAre(2));
  EXPECT_THAT(rows(store::SegmentState::kDeleted), ElementsAre(2));
}

TEST_F(ReaperTest, Ret08_APassDeletesABatchAndSaysThatThereIsMore) {
  record(120);
  start_reaper();
  keep(0s);
  const auto report = reaper->pass();
  EXPECT_EQ(report->deleted, Reaper::kBatch);
  EXPECT_TRUE(report->is_more);
}

TEST_F(ReaperTest, AnEmptyDayOfThePastGoesWithItsLastSegment) {
  record(3);
  start_reaper();
  keep(0s);
  const std::string day = base::join_path(front.path, to_day(start));
  clock.advance(std::chrono::hours(96));
  for (int i = 0; i < 61; ++i) {
    clock.advance(1s);
    time->observe();
  }
  ASSERT_TRUE(reaper->pass());
  EXPECT_FALSE(memory.status(day));
}

TEST_F(ReaperTest, TheThreadDeletesWhenWokenAndStops) {
  record(3);
  start_reaper();
  keep(0s);
  reaper->start();
  reaper->wake();
  EXPECT_EQ(first_purge.get_future().wait_for(60s), std::future_status::ready);
  reaper->stop();
  EXPECT_THAT(files_left(), IsEmpty());
}

}  // namespace
}  // namespace longtake::archive
