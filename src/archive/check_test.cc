#include "archive/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "archive/life_bench.h"
#include "archive/rebuild.h"
#include "store/catalog_dump.h"

namespace longtake::archive {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// A volume with six segments of ten seconds each, stopped in order, for a test to spoil.
class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    auto life = Life::begin(world);
    life->record(60);
    EXPECT_TRUE(life->stop());
    recording = life->folder();
    const auto catalog = life->catalog();
    rows = *catalog->segments(recording.id, {WallTime::min(), WallTime::max()}, 1000);
  }

  CheckReport check_all(CheckDepth depth = CheckDepth::kFull) {
    CheckOptions options;
    options.depth = depth;
    options.catalog_path = world.catalog_path();
    options.scratch_folder = testing::TempDir();
    auto report = check(world.files, options);
    EXPECT_TRUE(report.has_value()) << report.error().message();
    return std::move(*report);
  }
  std::string path_of(std::size_t i) const {
    return segment_path(recording.path, rows[i].day, rows[i].id);
  }

  static std::vector<std::string> faults(const CheckReport& report) {
    std::vector<std::string> told;
    for (const CheckFinding& finding : report.findings) {
      EXPECT_THAT(finding.what_to_do, testing::Not(IsEmpty()));
      if (finding.severity != Severity::kInfo) told.push_back(finding.path + ": " + finding.what);
    }
    return told;
  }
  void truncate(const std::string& path, std::uint64_t by) {
    auto file = world.memory.open(path, base::OpenMode::kReadWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(*(*file)->size() - by));
  }
  void put(const std::string& path, std::string_view text) {
    auto file = world.memory.open(path, base::OpenMode::kCreate);
    ASSERT_TRUE(file);
    const ByteSpan parts[] = {as_bytes(text)};
    ASSERT_TRUE((*file)->write_at(0, parts));
  }

  World world;
  RecordingFolder recording;
  std::vector<store::SegmentRow> rows;
};

TEST_F(CheckTest, AFolderThatWasStoppedInOrderIsWell) {
  const CheckReport report = check_all();
  EXPECT_THAT(faults(report), IsEmpty());
  EXPECT_TRUE(report.is_well());
  EXPECT_EQ(report.segments, rows.size());
  EXPECT_GE(report.segments, 5U);
  EXPECT_FALSE(report.is_server_running);
  EXPECT_GT(report.ledger_records, 0U);
}

TEST_F(CheckTest, WhatIsNoDataFolderIsRefused) {
  base::MemoryFileSystem empty;
  const auto report = check(empty, {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(CheckTest, Cat03_AMissingFileIsNamed) {
  ASSERT_TRUE(world.memory.remove(path_of(1)));
  EXPECT_THAT(faults(check_all()), Contains(HasSubstr(path_of(1) + ": the file is missing")));
}

TEST_F(CheckTest, Cat03_ATruncatedFileIsNamed) {
  truncate(path_of(2), 100);
  const auto told = faults(check_all());
  EXPECT_THAT(told, Contains(HasSubstr(path_of(2))));
  EXPECT_THAT(faults(check_all(CheckDepth::kQuick)), Contains(HasSubstr(path_of(2) + ": it has")));
}

TEST_F(CheckTest, Cat03_AFileWithoutARowIsNamed) {
  const media::SegmentId strange{rows[0].id.run, 900};
  const std::string copy = segment_path(recording.path, rows[0].day, strange);
  const auto content = base::read_file(world.memory, path_of(0), 1ULL << 30U);
  ASSERT_TRUE(content);
  put(copy, as_text(*content));
  EXPECT_THAT(faults(check_all()),
              Contains(HasSubstr(copy + ": the catalog does not know this file")));
}

TEST_F(CheckTest, Host07_AFlippedBitIsFoundByTheFullCheck) {
  const auto size = world.memory.status(path_of(3))->size_bytes;
  world.memory.flip_bit(path_of(3), size / 2 * 8);
  EXPECT_THAT(faults(check_all()), Contains(HasSubstr(path_of(3))));
}

TEST_F(CheckTest, Cat03_EachOfManyDamagesIsNamedAndNothingElse) {
  ASSERT_TRUE(world.memory.remove(path_of(0)));
  truncate(path_of(1), 1);
  world.memory.flip_bit(path_of(2), world.memory.status(path_of(2))->size_bytes / 2 * 8);
  put(recording.path + "/note.txt", "hello");
  const auto told = faults(check_all());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_THAT(told, Contains(HasSubstr(path_of(i))));
  EXPECT_THAT(told, Contains(HasSubstr("note.txt")));
  for (std::size_t i = 3; i < rows.size(); ++i)
    EXPECT_THAT(told, testing::Not(Contains(HasSubstr(path_of(i)))));
}

TEST_F(CheckTest, Cat08_ADamagedLedgerIsNamed) {
  const auto entries = world.memory.list(kLedgerFolder);
  ASSERT_TRUE(entries);
  const std::string path = base::join_path(kLedgerFolder, entries->front().name);
  world.memory.flip_bit(path, world.memory.status(path)->size_bytes / 2 * 8);
  EXPECT_THAT(faults(check_all()), Contains(HasSubstr(path)));
}

TEST_F(CheckTest, Cat01_ACorruptCatalogIsNamedAndFilesAreStillChecked) {
  std::filesystem::resize_file(world.catalog_path(), 5000);
  world.memory.flip_bit(path_of(3), world.memory.status(path_of(3))->size_bytes / 2 * 8);
  const auto told = faults(check_all());
  EXPECT_THAT(told, Contains(HasSubstr("catalog.db")));
  EXPECT_THAT(told, Contains(HasSubstr(path_of(3))));
}

TEST_F(CheckTest, Cat02_ACatalogThatIsOlderThanTheLedgerIsNamed) {
  const std::string backup = world.catalog_folder + "/backup.db";
  std::filesystem::copy_file(world.catalog_path(), backup);
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover());
  life->record(20);
  ASSERT_TRUE(life->stop());
  life.reset();
  std::filesystem::remove(world.catalog_path() + "-wal");
  std::filesystem::remove(world.catalog_path() + "-shm");
  std::filesystem::copy_file(backup, world.catalog_path(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(check_all().is_well());
}

TEST_F(CheckTest, BesideARunningServerTheOpenSegmentIsNoFault) {
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover());
  life->record(15);
  ASSERT_TRUE(life->store().flush(seconds(30)));
  const CheckReport report = check_all();
  EXPECT_THAT(faults(report), IsEmpty());
  EXPECT_TRUE(report.is_server_running);
  EXPECT_EQ(report.open_segments, 1U);
}

TEST_F(CheckTest, Host01_AfterAKillTheOpenSegmentIsWorthKnowingAndNoFault) {
  {
    auto life = Life::begin(world);
    ASSERT_TRUE(life->recover());
    life->record(15);
  }
  EXPECT_THAT(faults(check_all()), IsEmpty());
}

TEST_F(CheckTest, WhatRecoveryKeptAsideIsWorthKnowing) {
  ASSERT_TRUE(base::make_directories(world.memory, kQuarantineFolder));
  put(std::string(kQuarantineFolder) + "/tail", "x");
  const CheckReport report = check_all();
  EXPECT_TRUE(report.is_well());
  EXPECT_THAT(report.findings, Contains(testing::Field(&CheckFinding::path, HasSubstr("tail"))));
}

TEST_F(CheckTest, Ret06_AFileThatItsTombstoneStillAwaitsIsNoFault) {
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover());
  life->store().append(
      store::SegmentDeleted{recording.id, rows[0].id, media::Reason::kRetention, rows[0].spans});
  ASSERT_TRUE(life->store().flush(seconds(30)));
  EXPECT_THAT(faults(check_all()), IsEmpty());
}

TEST_F(CheckTest, Ret06_APurgedDeletionLeavesNothingToFind) {
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover());
  life->store().append(
      store::SegmentDeleted{recording.id, rows[0].id, media::Reason::kRetention, rows[0].spans});
  ASSERT_TRUE(life->store().flush(seconds(30)));
  ASSERT_TRUE(world.memory.remove(path_of(0)));
  life->store().purge(recording.id, {rows[0].id});
  ASSERT_TRUE(life->store().flush(seconds(30)));
  EXPECT_THAT(faults(check_all()), IsEmpty());
}

TEST_F(CheckTest, Cat02_RebuildMakesTheSameCatalogAndTheFolderWell) {
  const std::string before = world.catalog_folder + "/before.db";
  std::filesystem::rename(world.catalog_path(), before);
  std::filesystem::remove(world.catalog_path() + "-wal");
  const auto report = rebuild(world.files, world.catalog_path(), {});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_GT(report->media_facts, rows.size());
  const auto differences = store::compare_catalogs(before, world.catalog_path(), 10);
  ASSERT_TRUE(differences);
  EXPECT_TRUE(differences->empty());
  EXPECT_THAT(faults(check_all()), IsEmpty());
}

TEST_F(CheckTest, RebuildIsRefusedWhileAServerRuns) {
  auto life = Life::begin(world);
  const auto report = rebuild(world.files, world.catalog_path(), {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace longtake::archive
