#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr nanoseconds kLimit = std::chrono::seconds(60);  // a guard against hanging, never reached
constexpr nanoseconds kAtOnce = milliseconds(1);

/// A store over a ledger in memory and a catalog in a folder of its own.
struct StoreTest : testing::Test {
  void start() {
    Store::Options options;
    options.catalog_path = path;
    options.media_facts = media_facts;
    options.queue_facts = queue_facts;
    options.quick_check_bytes = quick_check_bytes;
    store = value_of(Store::start(options, files, clock, base::null_logger(), metrics));
  }
  void start_and_wait() {
    start();
    value_of(store->wait_until_ready(kLimit));
  }
  void stop() { store.reset(); }
  void restart() {
    stop();
    start_and_wait();
  }
  /// Makes an hour of a recording, a minute a segment.
  void record_an_hour() {
    store->append(RecordingCreated{kFront, "front", at(0)});
    store->append(Armed{kFront, at(0)});
    for (std::uint32_t i = 1; i <= 60; ++i) {
      store->append(SegmentOpened{kFront, segment_id(7, i), "19700101", at(i * 60)});
      store->append(closed(kFront, segment_id(7, i), {range(i * 60, i * 60 + 60)}));
    }
    store->append(GapNoted{kFront, range(0, 60), media::Reason::kCrash, ""});
    value_of(store->flush(kLimit));
  }
  std::vector<std::string> parked() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      const std::string name = entry.path().filename();
      if (name.starts_with("catalog.db.corrupt-") && !name.ends_with("-wal")) names.push_back(name);
    }
    return names;
  }

  base::TestFolder folder;
  const std::string path = folder.path() + "/catalog.db";
  base::MemoryFileSystem disk;
  base::FaultyFileSystem files{disk};
  base::ManualClock clock;
  base::Metrics metrics;
  MediaFacts media_facts;
  std::size_t queue_facts = 65'536;
  std::uint64_t quick_check_bytes = 64ULL << 20U;
  std::unique_ptr<Store> store;
};

TEST_F(StoreTest, WhatIsFlushedIsInTheCatalogAndInTheLedger) {
  start_and_wait();
  record_an_hour();
  const auto reader = value_of(store->open_reader());
  EXPECT_EQ(value_of(reader->recordings()).front().segment_count, 60U);
  EXPECT_THAT(read_ledger(disk), SizeIs(123));
  EXPECT_THAT(metrics.text(), HasSubstr("longtake_ledger_records_total 123"));
}

TEST_F(StoreTest, FactsMayComeBeforeAnythingIsOpen) {
  start();
  record_an_hour();
  EXPECT_TRUE(store->is_ready());
}

TEST_F(StoreTest, WhatSyncLedgerAcknowledgedSurvivesAPowerCut) {
  start_and_wait();
  store->append(RecordingCreated{kFront, "front", at(0)});
  value_of(store->sync_ledger(kLimit));
  disk.power_cut();
  EXPECT_THAT(read_ledger(disk), SizeIs(1));
}

TEST_F(StoreTest, WhatIsAppendedBeforeTheEndIsKept) {
  start_and_wait();
  store->append(RecordingCreated{kFront, "front", at(0)});
  restart();
  EXPECT_THAT(value_of(value_of(store->open_reader())->recordings()), SizeIs(1));
}

TEST_F(StoreTest, TheFirstStartHasNoLifeBefore) {
  start_and_wait();
  EXPECT_TRUE(store->last_life().is_first_start);
}

TEST_F(StoreTest, Host01_ALifeThatWasNotStoppedInOrderIsToldWithItsLastMoment) {
  start_and_wait();
  store->append(ProcessStarted{3, "boot-a", clock.wall_now()});
  value_of(store->flush(kLimit));
  const WallTime last = clock.wall_now();
  clock.advance(std::chrono::hours(1));
  restart();
  const Store::LastLife life = store->last_life();
  EXPECT_FALSE(life.is_first_start);
  EXPECT_FALSE(life.was_stopped_in_order);
  EXPECT_EQ(life.start, 3U);
  EXPECT_EQ(life.boot_id, "boot-a");
  EXPECT_EQ(life.last_fact_at, last);
}

TEST_F(StoreTest, Host02_AnOrderlyStopIsTold) {
  start_and_wait();
  store->append(ProcessStarted{3, "boot-a", at(0)});
  store->append(ProcessStopped{3, at(1)});
  restart();
  EXPECT_TRUE(store->last_life().was_stopped_in_order);
}

TEST_F(StoreTest, TombstonesArePurgedBehindTheFactsThatMadeThem) {
  start_and_wait();
  record_an_hour();
  store->append(
      SegmentDeleted{kFront, segment_id(7, 1), media::Reason::kRetention, {range(60, 120)}});
  store->purge(kFront, {segment_id(7, 1)});
  stop();  // everything that waits is done
  start_and_wait();
  EXPECT_EQ(value_of(value_of(store->open_reader())->segment(kFront, segment_id(7, 1))),
            std::nullopt);
}

// ---- A ledger that cannot be written.

base::Fault fail_writes(const base::FileCall& call) {
  base::Fault fault;
  const bool is_write = call.kind == base::FileCall::Kind::kWrite;
  if (is_write) fault.error = Error(ErrorCode::kResourceExhausted, "no space left on device");
  return fault;
}

TEST_F(StoreTest, Host08_WhileTheLedgerCannotBeWrittenNothingIsAcknowledgedAndNothingForgotten) {
  start_and_wait();
  record_an_hour();
  files.set_script(fail_writes);
  store->append(GapOpened{kFront, at(5000), media::Reason::kDiskFull, ""});
  const auto synced = store->sync_ledger(milliseconds(50));
  ASSERT_FALSE(synced.has_value());
  EXPECT_EQ(synced.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(synced.error().message(), HasSubstr("no space left on device"));
  files.set_script({});
  value_of(store->sync_ledger(kLimit));
  EXPECT_THAT(read_ledger(disk), SizeIs(124));
}

TEST_F(StoreTest, Host08_AFullQueueDropsAndCountsWhatCannotBeKept) {
  queue_facts = 10;
  start_and_wait();
  files.set_script(fail_writes);
  for (int i = 0; i < 100; ++i) store->append(GapClosed{kFront, at(i)});
  EXPECT_FALSE(store->sync_ledger(kAtOnce).has_value());
  EXPECT_THAT(metrics.text(), HasSubstr("longtake_ledger_facts_dropped_total"));
  files.set_script({});
  value_of(store->sync_ledger(kLimit));
  // What the queue held, and what was on its way to the disk.
  EXPECT_GE(read_ledger(disk).size(), 10U);
  EXPECT_LE(read_ledger(disk).size(), 20U);
}

TEST_F(StoreTest, Host13_ALedgerThatCannotBeOpenedIsTriedAgain) {
  files.set_script([](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kList)
      fault.error = Error(ErrorCode::kUnavailable, "EIO");
    return fault;
  });
  start();
  store->append(RecordingCreated{kFront, "front", at(0)});
  EXPECT_FALSE(store->flush(kAtOnce).has_value());
  files.set_script({});
  value_of(store->flush(kLimit));
  EXPECT_THAT(read_ledger(disk), SizeIs(1));
}

// ---- Snapshots.

TEST_F(StoreTest, EachNewDayBeginsWithASnapshotAndARebuildFromItIsEqual) {
  start_and_wait();
  record_an_hour();
  clock.advance(std::chrono::hours(24));
  store->append(GapNoted{kFront, range(4000, 4001), media::Reason::kPacketLoss, ""});
  value_of(store->flush(kLimit));
  store->request_snapshot();
  stop();
  const auto place = value_of(find_last_snapshot(disk, "ledger"));
  ASSERT_TRUE(place.has_value());
  const std::string rebuilt = folder.path() + "/rebuilt.db";
  const MediaFacts all_segments = [](const FactTaker& take) -> Result<void> {
    for (std::uint32_t i = 1; i <= 60; ++i)
      take(closed(kFront, segment_id(7, i), {range(i * 60, i * 60 + 60)}));
    return {};
  };
  value_of(rebuild_catalog(disk, rebuilt, {.media_facts = all_segments}));
  EXPECT_EQ(dump_lines(rebuilt), dump_lines(path));
}

// ---- A catalog that cannot be used: FAULTS CAT-01, CAT-02.

struct BrokenCatalog : StoreTest {
  BrokenCatalog() {
    start_and_wait();
    record_an_hour();
    stop();
    good = dump_lines(path);
  }
  void expect_good_again() {
    start_and_wait();
    stop();
    EXPECT_EQ(dump_lines(path), good);
  }
  void overwrite_at(const std::string& file, std::uint64_t offset, ByteSpan bytes) {
    const auto real = value_of(base::open_file_system(folder.path()));
    const auto opened = value_of(real->open(file, base::OpenMode::kReadWrite));
    value_of(opened->write_at(offset, std::span(&bytes, 1)));
  }
  std::vector<std::string> good;
};

TEST_F(BrokenCatalog, Cat02_ADeletedOneIsBuiltAnew) {
  std::filesystem::remove(path);
  expect_good_again();
}

TEST_F(BrokenCatalog, Cat01_AFileThatIsNoDatabaseIsParkedAndBuiltAnew) {
  overwrite_at("catalog.db", 0, as_bytes("This is not a database at all."));
  expect_good_again();
  EXPECT_THAT(parked(), ElementsAre("catalog.db.corrupt-1"));
}

TEST_F(BrokenCatalog, Cat01_AnEmptyFileIsFilledFromTheLedger) {
  std::filesystem::resize_file(path, 0);
  expect_good_again();
}

TEST_F(BrokenCatalog, Cat01_ATruncatedFileIsBuiltAnew) {
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  expect_good_again();
}

TEST_F(BrokenCatalog, Cat01_AnyPageOverwrittenWithGarbageIsFoundAndTheCatalogBuiltAnew) {
  base::SeededRandom random(20260131);
  const std::uint64_t pages = std::filesystem::file_size(path) / 4096;
  ASSERT_GT(pages, 10U);
  for (std::uint64_t page = 0; page < pages; ++page) {
    Bytes garbage(4096);
    for (std::byte& byte : garbage) byte = static_cast<std::byte>(random.next());
    overwrite_at("catalog.db", page * 4096, garbage);
    expect_good_again();
    ASSERT_FALSE(HasFailure()) << "page " << page;
  }
}

TEST_F(BrokenCatalog, Cat01_AWalFullOfGarbageIsIgnored) {
  Bytes garbage(100'000, std::byte{0x5A});
  {
    const auto real = value_of(base::open_file_system(folder.path()));
    value_of(real->open("catalog.db-wal", base::OpenMode::kCreate));
  }
  overwrite_at("catalog.db-wal", 0, garbage);
  expect_good_again();
}

TEST_F(BrokenCatalog, Cat01_ALargeOneIsCheckedInTheBackgroundAndBuiltAnewWhileItServes) {
  quick_check_bytes = 0;
  Bytes garbage(4096, std::byte{0xA5});
  const auto pages = std::filesystem::file_size(path) / 4096;
  overwrite_at("catalog.db", (pages - 1) * 4096, garbage);
  start();
  // 1: the very first start. The store's own thread says only after its step that it is not ready any more, so a reader
  // is asked, which knows at once.
  while (metrics.text().find("longtake_catalog_rebuilds_total 2") == std::string::npos)
    std::this_thread::yield();
  const auto reader = value_of(store->open_reader());
  while (!reader->recordings()) std::this_thread::yield();
  stop();
  EXPECT_EQ(dump_lines(path), good);
}

TEST_F(BrokenCatalog, Cat01_ThreeParkedOnesAreKeptAtMost) {
  for (int round = 0; round < 6; ++round) {
    overwrite_at("catalog.db", 0, as_bytes("garbage"));
    expect_good_again();
  }
  EXPECT_THAT(parked(),
              testing::UnorderedElementsAre("catalog.db.corrupt-4", "catalog.db.corrupt-5",
                                            "catalog.db.corrupt-6"));
}

TEST_F(BrokenCatalog, Cat01_OneThatBreaksWhileItServesIsReplacedAndReadersFollow) {
  start_and_wait();
  const auto reader = value_of(store->open_reader());
  EXPECT_EQ(value_of(reader->recordings()).size(), 1U);
  const auto file_size = std::filesystem::file_size(path);
  Bytes garbage(file_size - 4096, std::byte{0xA5});
  overwrite_at("catalog.db", 4096, garbage);
  // The writer commits, and thereby every page cache is asked anew.
  store->append(closed(kFront, segment_id(9, 1), {range(10'000, 10'060)}));
  (void)store->flush(milliseconds(100));  // meets the damage, or a reader does
  bool is_answered = false;
  const auto give_up = std::chrono::steady_clock::now() + kLimit;
  while (!is_answered && std::chrono::steady_clock::now() < give_up) {
    const auto row = reader->segment(kFront, segment_id(9, 1));
    const auto all = reader->segments(kFront, range(0, 20'000), 1000);
    is_answered = row && *row && all && all->size() == 61;
    std::this_thread::yield();
  }
  EXPECT_TRUE(is_answered);
  EXPECT_THAT(parked(), SizeIs(1));
}

TEST_F(BrokenCatalog, Cat02_AnOldBackupIsBroughtUpToTheLedger) {
  const std::string backup = folder.path() + "/backup.db";
  std::filesystem::copy_file(path, backup);
  start_and_wait();
  store->append(closed(kFront, segment_id(9, 1), {range(10'000, 10'060)}));
  stop();
  good = dump_lines(path);
  std::filesystem::rename(backup, path);
  expect_good_again();
  EXPECT_THAT(parked(), SizeIs(0));
}

TEST_F(BrokenCatalog, Cat02_ABackupOlderThanTheLedgerIsBuiltAnew) {
  media_facts = [](const FactTaker& take) -> Result<void> {
    for (std::uint32_t i = 1; i <= 60; ++i)
      take(closed(kFront, segment_id(7, i), {range(i * 60, i * 60 + 60)}));
    return {};
  };
  const std::string backup = folder.path() + "/backup.db";
  std::filesystem::copy_file(path, backup);
  start_and_wait();
  for (int day = 0; day < 9; ++day) {
    clock.advance(std::chrono::hours(24));
    store->append(GapNoted{kFront, range(5000 + day, 5001 + day), media::Reason::kCrash, ""});
    value_of(store->flush(kLimit));
    restart();  // a tick: the day's snapshot
  }
  stop();
  good = dump_lines(path);
  ASSERT_GT(read_ledger(disk).front().sequence, 123U);
  std::filesystem::rename(backup, path);
  expect_good_again();
  EXPECT_THAT(parked(), SizeIs(1));
}

TEST_F(BrokenCatalog, Cat02_ALedgerThatLostItsEndNeverUsesThoseNumbersAgain) {
  const std::string last = value_of(disk.list("ledger")).back().name;
  value_of(disk.remove("ledger/" + last));
  start_and_wait();
  store->append(GapClosed{kFront, at(1)});
  stop();
  EXPECT_THAT(read_ledger(disk).front().sequence, 124U);
  EXPECT_THAT(parked(), SizeIs(1));
}

TEST_F(BrokenCatalog, Cat01_WhileItIsBuiltAnewFactsGoOnIntoTheLedgerAndComeInLater) {
  std::promise<void> media_may_go_on;
  std::shared_future<void> signal = media_may_go_on.get_future().share();
  media_facts = [signal](const FactTaker& take) -> Result<void> {
    signal.wait();
    take(closed(kFront, segment_id(8, 1), {range(7000, 7060)}));
    return {};
  };
  std::filesystem::remove(path);
  start();
  store->append(closed(kFront, segment_id(9, 1), {range(10'000, 10'060)}));
  value_of(store->sync_ledger(kLimit));
  EXPECT_FALSE(store->is_ready());
  EXPECT_EQ(store->flush(kAtOnce).error().code(), ErrorCode::kUnavailable);
  const auto reader = value_of(store->open_reader());
  EXPECT_EQ(reader->recordings().error().code(), ErrorCode::kUnavailable);
  media_may_go_on.set_value();
  value_of(store->flush(kLimit));
  EXPECT_EQ(value_of(reader->recordings()).front().segment_count, 62U);
}

TEST_F(BrokenCatalog, Host02_TheEndDoesNotWaitForARebuild) {
  media_facts = [](const FactTaker& take) -> Result<void> {
    while (take(closed(kFront, segment_id(8, 1), {range(7000, 7060)}))) {
    }
    return {};
  };
  std::filesystem::remove(path);
  start();
  value_of(store->sync_ledger(kLimit));
  stop();  // or this test hangs
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(StoreTest, ManyThreadsMayAppendAndWait) {
  start_and_wait();
  std::vector<std::jthread> threads;
  for (std::uint64_t thread = 1; thread <= 4; ++thread) {
    threads.emplace_back([this, thread] {
      const auto reader = value_of(store->open_reader());
      for (std::uint32_t i = 1; i <= 50; ++i) {
        store->append(closed(kFront, segment_id(thread, i), {range(i, i + 1)}));
        if (i % 10 == 0) value_of(store->sync_ledger(kLimit));
        (void)reader->segments(kFront, range(0, 100), 10);
      }
      value_of(store->flush(kLimit));
      EXPECT_TRUE(value_of(reader->segment(kFront, segment_id(thread, 50))).has_value());
    });
  }
  threads.clear();
  EXPECT_THAT(read_ledger(disk), SizeIs(200));
}

}  // namespace
}  // namespace longtake::store
