#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"
#include "store/fact_codec.h"
#include "store/ledger_reader.h"
#include "store/ledger_writer.h"
#include "store/test_support.h"

namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const WallTime kMorning = value_of(parse_wall_time("2026-01-31T08:00:00Z"));
constexpr std::chrono::hours kDay{24};

std::unique_ptr<LedgerWriter> open_writer(base::FileSystem& files, std::size_t keep_days = 7) {
  return value_of(LedgerWriter::open(files, {.keep_days = keep_days}));
}

Fact gap(int number) { return GapClosed{kFront, at(number)}; }
int number_of(const LedgerRecord& record) {
  return static_cast<int>(std::get<GapClosed>(*record.fact).to.time_since_epoch() / seconds(1));
}
std::vector<int> numbers_in(base::FileSystem& files) {
  std::vector<int> numbers;
  for (const LedgerRecord& record : read_ledger(files))
    if (record.fact && std::holds_alternative<GapClosed>(*record.fact) && !record.is_snapshot)
      numbers.push_back(number_of(record));
  return numbers;
}
std::vector<int> up_to(int last) {
  std::vector<int> numbers;
  for (int number = 1; number <= last; ++number) numbers.push_back(number);
  return numbers;
}
void append_durably(LedgerWriter& writer, int first, int last, WallTime when = kMorning) {
  for (int number = first; number <= last; ++number) writer.append(gap(number), when);
  value_of(writer.sync());
}
std::vector<std::string> file_names(base::FileSystem& files) {
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : value_of(files.list("ledger")))
    names.push_back(entry.name);
  return names;
}
Bytes content_of(base::FileSystem& files, const std::string& path) {
  return value_of(base::read_file(files, path, 1 << 30));
}
void overwrite(base::FileSystem& files, const std::string& path, ByteSpan content) {
  const auto file = value_of(files.open(path, base::OpenMode::kCreate));
  value_of(file->truncate(content.size()));
  value_of(file->write_at(0, std::span(&content, 1)));
}
std::vector<LedgerFinding::Kind> findings_in(base::FileSystem& files) {
  std::vector<LedgerFinding::Kind> kinds;
  for (const LedgerFinding& finding : value_of(verify_ledger(files, "ledger")).findings)
    kinds.push_back(finding.kind);
  return kinds;
}

TEST(Ledger, GivesBackWhatWasAppendedInOrder) {
  base::MemoryFileSystem files;
  append_durably(*open_writer(files), 1, 5);
  EXPECT_EQ(numbers_in(files), up_to(5));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(Ledger, AnEmptyFolderIsAnEmptyLedger) {
  base::MemoryFileSystem files;
  EXPECT_THAT(read_ledger(files), IsEmpty());
  EXPECT_EQ(value_of(verify_ledger(files, "ledger")).record_count, 0U);
  EXPECT_EQ(open_writer(files)->tail().last_sequence, 0U);
}

TEST(Ledger, GoesOnInTheSameFileAfterARestart) {
  base::MemoryFileSystem files;
  append_durably(*open_writer(files), 1, 3);
  append_durably(*open_writer(files), 4, 6);
  EXPECT_THAT(file_names(files), ElementsAre("20260131-1.log"));
  EXPECT_EQ(numbers_in(files), up_to(6));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(Ledger, EachUtcDayHasAFileOfItsOwn) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 2);
  append_durably(*writer, 3, 4, kMorning + kDay);
  EXPECT_THAT(file_names(files), ElementsAre("20260131-1.log", "20260201-1.log"));
  EXPECT_EQ(numbers_in(files), up_to(4));
}

TEST(Ledger, Host22_AClockThatStepsBackMixesUpNamesButNotTheOrder) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 2);
  append_durably(*writer, 3, 4, kMorning - 3650 * kDay);
  append_durably(*writer, 5, 6, kMorning);
  EXPECT_THAT(file_names(files), ElementsAre("20160203-1.log", "20260131-1.log", "20260131-2.log"));
  EXPECT_EQ(numbers_in(files), up_to(6));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(Ledger, AFullFileIsFollowedByAnother) {
  base::MemoryFileSystem files;
  const auto writer = value_of(LedgerWriter::open(files, {.max_file_bytes = 300}));
  append_durably(*writer, 1, 20);
  EXPECT_GT(file_names(files).size(), 4U);
  EXPECT_EQ(numbers_in(files), up_to(20));
}

TEST(Ledger, ReadsFromAGivenSequenceOn) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 3);
  append_durably(*writer, 4, 6, kMorning + kDay);
  const auto records = read_ledger(files, 5);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records.front().sequence, 5U);
}

TEST(Ledger, TellsHowTheLastLifeEnded) {
  base::MemoryFileSystem files;
  {
    const auto writer = open_writer(files);
    writer->append(ProcessStarted{4, "boot-a", at(1)}, kMorning);
    writer->append(ProcessStopped{4, at(2)}, kMorning);
    writer->append(ProcessStarted{5, "boot-b", at(3)}, kMorning + kDay);
    writer->append(gap(1), kMorning + kDay);
    value_of(writer->sync());
  }
  const LedgerTail tail = open_writer(files)->tail();
  EXPECT_EQ(tail.last_start, (ProcessStarted{5, "boot-b", at(3)}));
  EXPECT_FALSE(tail.was_stopped);
  EXPECT_EQ(tail.last_at, kMorning + kDay);
}

TEST(Ledger, AnOrderlyStopInALaterFileIsFound) {
  base::MemoryFileSystem files;
  {
    const auto writer = open_writer(files);
    writer->append(ProcessStarted{4, "boot-a", at(1)}, kMorning);
    writer->append(ProcessStopped{4, at(2)}, kMorning + kDay);
    value_of(writer->sync());
  }
  const LedgerTail tail = open_writer(files)->tail();
  EXPECT_TRUE(tail.was_stopped);
  EXPECT_EQ(tail.last_start->start, 4U);
}

TEST(Ledger, TypesOfANewerVersionAreKeptAndSkipped) {
  base::MemoryFileSystem files;
  append_durably(*open_writer(files), 1, 1);
  const std::string path = "ledger/20260131-1.log";
  Bytes bytes = content_of(files, path);
  const auto first = decode_record(*decode_head(ByteSpan(bytes).subspan(kLedgerHeaderBytes)),
                                   ByteSpan(bytes).subspan(kLedgerHeaderBytes));
  RecordHead head{.sequence = 2, .at = kMorning, .type = 777, .version = 3};
  encode_record(head, first->chain, as_bytes("from the future"), bytes);
  overwrite(files, path, bytes);
  append_durably(*open_writer(files), 3, 3);
  EXPECT_THAT(numbers_in(files), ElementsAre(1, 3));
  EXPECT_THAT(read_ledger(files), SizeIs(3));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

// ---- Damage: FAULTS CAT-08. Six records in one file, then cut or flipped.

struct DamagedLedger : testing::Test {
  DamagedLedger() {
    append_durably(*open_writer(files), 1, 6);
    whole = content_of(files, path);
    std::size_t end = kLedgerHeaderBytes;
    while (end < whole.size()) {
      starts.push_back(end);
      end += decode_head(ByteSpan(whole).subspan(end))->size_bytes();
    }
  }
  [[nodiscard]] int record_at(std::size_t byte) const {
    return static_cast<int>(std::ranges::upper_bound(starts, byte) - starts.begin());
  }
  base::MemoryFileSystem files;
  const std::string path = "ledger/20260131-1.log";
  Bytes whole;
  std::vector<std::size_t> starts;
};

TEST_F(DamagedLedger, Cat08_ATailTornAtAnyByteLosesOnlyTheTornRecordAndTheLedgerGoesOn) {
  for (std::size_t length = 0; length < whole.size(); ++length) {
    base::MemoryFileSystem torn;
    value_of(torn.make_directory("ledger"));
    overwrite(torn, path, ByteSpan(whole).first(length));
    int kept = 0;
    while (kept < 6 &&
           (kept == 5 ? whole.size() : starts[static_cast<std::size_t>(kept) + 1]) <= length) {
      ++kept;
    }
    ASSERT_EQ(numbers_in(torn), up_to(kept)) << "cut at " << length;
    append_durably(*open_writer(torn), kept + 1, kept + 2);
    ASSERT_EQ(numbers_in(torn), up_to(kept + 2)) << "cut at " << length;
    ASSERT_TRUE(value_of(verify_ledger(torn, "ledger")).is_well()) << "cut at " << length;
  }
}

TEST_F(DamagedLedger, Cat08_AZeroedTailIsATornTail) {
  Bytes zeros = whole;
  zeros.resize(whole.size() + 5000);
  overwrite(files, path, zeros);
  EXPECT_EQ(numbers_in(files), up_to(6));
  EXPECT_THAT(findings_in(files), ElementsAre(LedgerFinding::Kind::kTornTail));
}

TEST_F(DamagedLedger, Cat08_AFlippedBitAnywhereLosesThatRecordAloneAndIsFound) {
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    Bytes flipped = whole;
    flipped[byte] ^= std::byte{static_cast<unsigned char>(1U << (byte % 8))};
    overwrite(files, path, flipped);
    const int lost = record_at(byte);  // 0: the file header
    std::vector<int> expected = up_to(6);
    std::erase(expected, lost);
    ASSERT_EQ(numbers_in(files), expected) << "flipped in byte " << byte;
    const LedgerReport report = value_of(verify_ledger(files, "ledger"));
    if (lost == 6) {  // the last record: what is left looks like a torn tail, or its place is empty
      ASSERT_THAT(report.findings, SizeIs(1)) << byte;
    } else {
      ASSERT_FALSE(report.is_well()) << "flipped in byte " << byte;
    }
  }
}

TEST_F(DamagedLedger, Cat08_ALostRecordBreaksSequenceAndChain) {
  Bytes flipped = whole;
  flipped[starts[2] + 40] ^= std::byte{1};
  overwrite(files, path, flipped);
  EXPECT_THAT(findings_in(files),
              ElementsAre(LedgerFinding::Kind::kSequenceGap, LedgerFinding::Kind::kChainBreak,
                          LedgerFinding::Kind::kDamagedRecord));
}

TEST_F(DamagedLedger, Cat08_ARecordRewrittenWithAGoodChecksumStillBreaksTheChain) {
  Bytes forged(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(starts[2]));
  Bytes payload;
  encode_fact(gap(1234), payload);
  RecordHead head{.sequence = 3, .at = kMorning, .type = type_of(gap(1)), .version = 1};
  encode_record(head, ChainHash{}, payload, forged);
  forged.insert(forged.end(), whole.begin() + static_cast<std::ptrdiff_t>(starts[3]), whole.end());
  overwrite(files, path, forged);
  EXPECT_THAT(findings_in(files), testing::Contains(LedgerFinding::Kind::kChainBreak));
}

TEST(Ledger, Cat08_AMissingDayIsAGapInTheSequence) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  for (int day = 0; day < 3; ++day)
    append_durably(*writer, day * 2 + 1, day * 2 + 2, kMorning + day * kDay);
  value_of(files.remove("ledger/20260201-1.log"));
  EXPECT_THAT(numbers_in(files), ElementsAre(1, 2, 5, 6));
  EXPECT_FALSE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(Ledger, Cat08_AnUnreadableFileIsAFindingAndTheRestIsRead) {
  base::MemoryFileSystem below;
  const auto writer = open_writer(below);
  for (int day = 0; day < 3; ++day)
    append_durably(*writer, day + 1, day + 1, kMorning + day * kDay);
  base::FaultyFileSystem files(below);
  files.set_script([](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kRead && call.path == "ledger/20260201-1.log")
      fault.error = Error(ErrorCode::kDataLoss, "read error");
    return fault;
  });
  EXPECT_THAT(numbers_in(files), ElementsAre(1, 3));
  EXPECT_THAT(findings_in(files), testing::Contains(LedgerFinding::Kind::kUnreadable));
}

// ---- Failing disks.

TEST(Ledger, Host13_AfterAFailedSyncTheSameRecordsGoIntoANewFileAndTheLaterOneCounts) {
  base::MemoryFileSystem below;
  base::FaultyFileSystem files(below);
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 2);
  files.set_script([](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kSyncData)
      fault.error = Error(ErrorCode::kDataLoss, "EIO");
    return fault;
  });
  writer->append(gap(3), kMorning);
  EXPECT_FALSE(writer->sync().has_value());
  EXPECT_EQ(writer->durable_sequence(), 2U);
  files.set_script({});
  append_durably(*writer, 4, 4);
  EXPECT_THAT(file_names(below), ElementsAre("20260131-1.log", "20260131-2.log"));
  EXPECT_EQ(numbers_in(below), up_to(4));
  EXPECT_TRUE(value_of(verify_ledger(below, "ledger")).is_well());
}

TEST(Ledger, Host08_ADiskThatIsFullForLongLeavesNoLitter) {
  base::MemoryFileSystem below;
  base::FaultyFileSystem files(below);
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 1);
  files.set_script([](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == base::FileCall::Kind::kWrite)
      fault.error = Error(ErrorCode::kResourceExhausted, "full");
    return fault;
  });
  writer->append(gap(2), kMorning);
  for (int second = 0; second < 100; ++second) EXPECT_FALSE(writer->sync().has_value());
  EXPECT_THAT(file_names(below), SizeIs(1));
  files.set_script({});
  value_of(writer->sync());
  EXPECT_EQ(numbers_in(below), up_to(2));
}

/// A life: three days, a restart, a snapshot. Says through which number everything was acknowledged as durable.
int live_through(base::FileSystem& files) {
  int acknowledged = 0;
  int next = 1;
  for (int life = 0; life < 2; ++life) {
    auto opened = LedgerWriter::open(files, {.keep_days = 1});
    for (int again = 0; !opened && again < 3; ++again)
      opened = LedgerWriter::open(files, {.keep_days = 1});
    if (!opened) return acknowledged;
    LedgerWriter& writer = **opened;
    for (int day = 0; day < 3; ++day) {
      const WallTime when = kMorning + (life * 3 + day) * kDay;
      for (int i = 0; i < 3; ++i) writer.append(gap(next++), when);
      if (writer.write() && writer.sync()) acknowledged = next - 1;
      for (int again = 0; writer.pending_count() > 0 && again < 3; ++again)
        if (writer.sync()) acknowledged = next - 1;
      if (writer.pending_count() > 0) return acknowledged;  // this life ends here
      if (day == 1) {
        const Fact living = RecordingCreated{kFront, "front", at(1)};
        writer.append_snapshot(std::span(&living, 1), when);
        for (int again = 0; writer.pending_count() > 0 && again < 3; ++again) (void)writer.sync();
        // A cleanup that fails is tried again with the next snapshot.
        if (writer.pending_count() == 0) (void)writer.remove_old_files();
      }
    }
  }
  return acknowledged;
}

TEST(Ledger, Host13_WhicheverCallFailsAndThePowerGoesAfterwardsNothingAcknowledgedIsLost) {
  std::uint64_t calls = 1;
  for (std::uint64_t failing = 0; failing <= calls; ++failing) {
    base::MemoryFileSystem below;
    base::FaultyFileSystem files(below);
    files.set_script([&](const base::FileCall& call) {
      base::Fault fault;
      if (call.number != failing) return fault;
      fault.error = Error(ErrorCode::kUnavailable, "injected");
      if (call.kind == base::FileCall::Kind::kWrite) fault.written = 37;
      return fault;
    });
    const int acknowledged = live_through(files);
    if (failing == 0) calls = files.calls();
    below.power_cut();
    const std::vector<int> numbers = numbers_in(below);
    ASSERT_GE(acknowledged, failing == 0 ? 18 : 0);
    // Old files may have gone behind a snapshot; from the oldest kept on nothing is missing.
    ASSERT_FALSE(acknowledged > 0 && numbers.empty()) << "call " << failing;
    for (int number = numbers.empty() ? 1 : numbers.front(); number <= acknowledged; ++number)
      ASSERT_THAT(numbers, testing::Contains(number)) << "call " << failing;
    ASSERT_TRUE(value_of(verify_ledger(below, "ledger")).is_well()) << "call " << failing;
  }
  EXPECT_GT(calls, 60U);
}

TEST(Ledger, Host13_WhicheverSyncFailsForEverTheEarlierAcknowledgementsHold) {
  for (std::uint64_t failing = 1; failing <= 150; failing += 3) {
    base::MemoryFileSystem below;
    base::FaultyFileSystem files(below);
    files.set_script([&](const base::FileCall& call) {
      base::Fault fault;
      const bool is_sync = call.kind == base::FileCall::Kind::kSyncData ||
                           call.kind == base::FileCall::Kind::kSyncDirectory;
      if (is_sync && call.number >= failing) fault.error = Error(ErrorCode::kDataLoss, "EIO");
      return fault;
    });
    const int acknowledged = live_through(files);
    below.power_cut();
    const std::vector<int> numbers = numbers_in(below);
    for (int number = numbers.empty() ? 1 : numbers.front(); number <= acknowledged; ++number)
      ASSERT_THAT(numbers, testing::Contains(number)) << "from call " << failing;
  }
}

TEST(Ledger, Host03_WhatAKilledProcessHadWrittenIsDurableOnceItHasBeenReadAgain) {
  base::MemoryFileSystem files;
  {
    const auto writer = open_writer(files);
    append_durably(*writer, 1, 1);
    writer->append(gap(2), kMorning);
    value_of(writer->write());  // and killed: never synced
  }
  EXPECT_EQ(open_writer(files)->durable_sequence(), 2U);
  files.power_cut();
  EXPECT_EQ(numbers_in(files), up_to(2));
}

TEST(Ledger, Host03_WhatWasOnlyWrittenMayVanishAndTheNextLifeTakesItsPlace) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 1);
  writer->append(gap(99), kMorning);
  value_of(writer->write());
  files.power_cut();
  append_durably(*open_writer(files), 2, 3);
  EXPECT_EQ(numbers_in(files), up_to(3));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(Ledger, Host03_ANewDaysFileIsNotBegunBesideRecordsThatMayVanish) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 1);
  writer->append(gap(2), kMorning);
  value_of(writer->write());  // before midnight, not yet synced
  append_durably(*writer, 3, 3, kMorning + kDay);
  files.power_cut();
  EXPECT_EQ(numbers_in(files), up_to(3));
}

// ---- Snapshots and old files.

const Fact kLiving = RecordingCreated{kFront, "front", at(1)};

TEST(LedgerSnapshot, StandsAtTheHeadOfANewFileAndIsFound) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 2);
  writer->append_snapshot(std::span(&kLiving, 1), kMorning);
  append_durably(*writer, 3, 3);
  EXPECT_THAT(file_names(files), ElementsAre("20260131-1.log", "20260131-2.log"));
  const auto place = value_of(find_last_snapshot(files, "ledger"));
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->begin, 3U);
  EXPECT_EQ(place->end, 5U);
  EXPECT_EQ(open_writer(files)->tail().last_snapshot_day, "20260131");
}

TEST(LedgerSnapshot, ATornOneDoesNotCountAndTheOneBeforeItDoes) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  writer->append_snapshot(std::span(&kLiving, 1), kMorning);
  append_durably(*writer, 1, 1);
  writer->append_snapshot(std::span(&kLiving, 1), kMorning);
  value_of(writer->sync());
  const std::string path = "ledger/20260131-2.log";
  Bytes torn = content_of(files, path);
  torn.resize(torn.size() - 1);
  overwrite(files, path, torn);
  EXPECT_EQ(value_of(find_last_snapshot(files, "ledger"))->begin, 1U);
}

TEST(LedgerSnapshot, FilesOlderThanTheSnapshotAndTheDaysKeptGo) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files, 2);
  for (int day = 0; day < 4; ++day)
    append_durably(*writer, day + 1, day + 1, kMorning + day * kDay);
  EXPECT_EQ(value_of(writer->remove_old_files()), 0U);  // no snapshot, nothing goes
  writer->append_snapshot(std::span(&kLiving, 1), kMorning + 4 * kDay);
  value_of(writer->sync());
  EXPECT_EQ(value_of(writer->remove_old_files()), 3U);
  EXPECT_THAT(file_names(files), ElementsAre("20260203-1.log", "20260204-1.log"));
  EXPECT_TRUE(value_of(verify_ledger(files, "ledger")).is_well());
}

TEST(LedgerSnapshot, Ret03_AClockThatJumpsTenYearsAheadRemovesOneDayOfFilesAtMost) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files, 3);
  for (int day = 0; day < 3; ++day)
    append_durably(*writer, day + 1, day + 1, kMorning + day * kDay);
  writer->append_snapshot(std::span(&kLiving, 1), kMorning + 3650 * kDay);
  value_of(writer->sync());
  EXPECT_EQ(value_of(writer->remove_old_files()), 1U);
}

TEST(LedgerSnapshot, FilesWithRecordsOfANewerVersionStay) {
  base::MemoryFileSystem files;
  append_durably(*open_writer(files), 1, 1);
  const std::string path = "ledger/20260131-1.log";
  Bytes bytes = content_of(files, path);
  encode_record({.sequence = 2, .at = kMorning, .type = 777, .version = 3}, ChainHash{}, {}, bytes);
  overwrite(files, path, bytes);
  const auto writer = open_writer(files, 1);
  writer->append_snapshot(std::span(&kLiving, 1), kMorning + 5 * kDay);
  value_of(writer->sync());
  EXPECT_EQ(value_of(writer->remove_old_files()), 0U);
}

TEST(Ledger, SequencesThatTheCatalogHasSeenAreNotUsedAgain) {
  base::MemoryFileSystem files;
  const auto writer = open_writer(files);
  append_durably(*writer, 1, 2);
  writer->skip_to(10);
  EXPECT_EQ(writer->append(gap(3), kMorning), 11U);
  value_of(writer->sync());
  EXPECT_THAT(findings_in(files), ElementsAre(LedgerFinding::Kind::kSequenceGap));
}

}  // namespace
}  // namespace longtake::store
