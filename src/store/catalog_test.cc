#include "store/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/test_folder.h"
#include "store/sqlite.h"
#include "store/test_support.h"

namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words
using media::Reason;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A catalog with a recording "front", fed fact by fact.
struct CatalogTest : testing::Test {
  CatalogTest() {
    tell(RecordingCreated{kFront, "front", at(0)});
    reader = value_of(CatalogReader::open(path));
  }
  void tell(const Fact& fact) {
    const CatalogWriter::Entry entry{++sequence, &fact};
    value_of(writer->apply(std::span(&entry, 1)));
  }
  Coverage coverage(std::int64_t from, std::int64_t to) {
    return value_of(reader->coverage(kFront, range(from, to)));
  }
  std::vector<TimeRange> recorded() { return coverage(-1'000'000, 1'000'000).recorded.ranges(); }
  /// Reasons as one reads them on a timeline where nothing was recorded.
  std::vector<media::Gap> gaps(std::int64_t from, std::int64_t to) {
    media::TimeRanges asked;
    asked.add(range(from, to));
    return media::explain(asked, {}, coverage(from, to).reasons, at(1'000'000)).gaps;
  }

  base::TestFolder folder;
  const std::string path = folder.path() + "/catalog.db";
  std::unique_ptr<CatalogWriter> writer = value_of(CatalogWriter::open(path));
  std::unique_ptr<CatalogReader> reader;
  std::uint64_t sequence = 0;
};

TEST_F(CatalogTest, AClosedSegmentIsListedAndItsTimeIsRecorded) {
  tell(SegmentOpened{kFront, segment_id(7, 1), "20260131", at(10)});
  tell(SegmentClosed{
      kFront, segment_id(7, 1), "20260131", 5000, {range(10, 40), range(50, 70)}, true});
  const auto row = value_of(reader->segment(kFront, segment_id(7, 1)));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->state, SegmentState::kClosed);
  EXPECT_EQ(row->range, range(10, 70));
  EXPECT_THAT(row->spans, ElementsAre(range(10, 40), range(50, 70)));
  EXPECT_EQ(row->size_bytes, 5000U);
  EXPECT_EQ(row->day, "20260131");
  EXPECT_TRUE(row->is_recovered);
  EXPECT_THAT(recorded(), ElementsAre(range(10, 40), range(50, 70)));
}

TEST_F(CatalogTest, AnOpenSegmentIsListedButCoversNothing) {
  tell(SegmentOpened{kFront, segment_id(7, 1), "20260131", at(10)});
  EXPECT_THAT(value_of(reader->in_state(SegmentState::kOpen, 10)), SizeIs(1));
  EXPECT_THAT(value_of(reader->segments(kFront, range(30, 40), 10)), SizeIs(1));
  EXPECT_THAT(recorded(), IsEmpty());
}

TEST_F(CatalogTest, SegmentsThatTouchAreOneSpan) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  tell(closed(kFront, segment_id(7, 3), {range(120, 180)}));
  tell(closed(kFront, segment_id(7, 2), {range(60, 120)}));
  EXPECT_THAT(recorded(), ElementsAre(range(0, 180)));
}

TEST_F(CatalogTest, ADeletedSegmentTakesAwayOnlyWhatNoOtherTells) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  tell(closed(kFront, segment_id(8, 1), {range(50, 90)}));  // the clock was set back
  tell(SegmentDeleted{kFront, segment_id(7, 1), Reason::kRetention, {range(0, 60)}});
  EXPECT_THAT(recorded(), ElementsAre(range(50, 90)));
  EXPECT_THAT(value_of(reader->in_state(SegmentState::kDeleted, 10)), SizeIs(1));
}

TEST_F(CatalogTest, Ret06_ATombstoneStaysUntilItIsPurgedAndIsNotListed) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  tell(SegmentDeleted{kFront, segment_id(7, 1), Reason::kRetention, {range(0, 60)}});
  EXPECT_THAT(value_of(reader->segments(kFront, range(0, 60), 10)), IsEmpty());
  EXPECT_THAT(value_of(reader->oldest_closed(kFront, 10)), IsEmpty());
  const media::SegmentId id = segment_id(7, 1);
  value_of(writer->purge(kFront, std::span(&id, 1)));
  EXPECT_THAT(value_of(reader->in_state(SegmentState::kDeleted, 10)), IsEmpty());
  EXPECT_EQ(value_of(reader->segment(kFront, id)), std::nullopt);
}

TEST_F(CatalogTest, APurgeNeverRemovesASegmentThatWasNotDeleted) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  const media::SegmentId id = segment_id(7, 1);
  value_of(writer->purge(kFront, std::span(&id, 1)));
  EXPECT_TRUE(value_of(reader->segment(kFront, id)).has_value());
}

TEST_F(CatalogTest, AYearOfRetentionIsOneRow) {
  for (std::uint32_t i = 1; i <= 100; ++i) {
    const TimeRange span = range(i * 60, i * 60 + 60);
    tell(closed(kFront, segment_id(7, i), {span}));
    tell(SegmentDeleted{kFront, segment_id(7, i), Reason::kRetention, {span}});
  }
  EXPECT_THAT(coverage(0, 100'000).reasons,
              ElementsAre(media::ReasonSpan{range(60, 6060), Reason::kRetention}));
}

TEST_F(CatalogTest, ALaterReasonOutranksAnEarlierOne) {
  tell(GapNoted{kFront, range(0, 100), Reason::kCrash, ""});
  tell(GapNoted{kFront, range(40, 60), Reason::kDiskFull, ""});
  EXPECT_THAT(gaps(0, 100), ElementsAre(media::Gap{range(0, 40), Reason::kCrash},
                                        media::Gap{range(40, 60), Reason::kDiskFull},
                                        media::Gap{range(60, 100), Reason::kCrash}));
}

TEST_F(CatalogTest, AnOpenGapLastsAndOutranksWhatWasKnownBefore) {
  tell(GapNoted{kFront, range(40, 60), Reason::kCrash, ""});
  tell(GapOpened{kFront, at(50), Reason::kCameraDisconnected, ""});
  const Coverage all = coverage(0, 1000);
  ASSERT_THAT(all.reasons, SizeIs(2));
  EXPECT_EQ(all.reasons.back(),
            (media::ReasonSpan{{at(50), WallTime::max()}, Reason::kCameraDisconnected}));
}

TEST_F(CatalogTest, WhatIsToldDuringAnOpenGapOutranksItAlsoOnceItIsClosed) {
  tell(GapNoted{kFront, range(0, 30), Reason::kCrash, ""});
  tell(GapOpened{kFront, at(20), Reason::kCameraDisconnected, ""});
  tell(GapNoted{kFront, range(40, 50), Reason::kBackpressure, ""});
  tell(GapClosed{kFront, at(80)});
  EXPECT_THAT(gaps(0, 80), ElementsAre(media::Gap{range(0, 20), Reason::kCrash},
                                       media::Gap{range(20, 40), Reason::kCameraDisconnected},
                                       media::Gap{range(40, 50), Reason::kBackpressure},
                                       media::Gap{range(50, 80), Reason::kCameraDisconnected}));
}

TEST_F(CatalogTest, ASecondGapEndsTheFirst) {
  tell(GapOpened{kFront, at(10), Reason::kCameraDisconnected, ""});
  tell(GapOpened{kFront, at(30), Reason::kAuthFailed, ""});
  tell(GapClosed{kFront, at(40)});
  tell(GapClosed{kFront, at(90)});  // none is open: nothing
  EXPECT_THAT(coverage(0, 1000).reasons,
              ElementsAre(media::ReasonSpan{range(10, 30), Reason::kCameraDisconnected},
                          media::ReasonSpan{range(30, 40), Reason::kAuthFailed}));
}

TEST_F(CatalogTest, ArmedIsFromTheFirstArmedToTheDisarmed) {
  tell(Armed{kFront, at(10)});
  tell(Armed{kFront, at(20)});  // the next start of the program
  EXPECT_THAT(coverage(0, 100).armed.ranges(), ElementsAre(range(10, 100)));
  EXPECT_TRUE(value_of(reader->recording(kFront))->is_armed);
  tell(Disarmed{kFront, at(50)});
  tell(Disarmed{kFront, at(60)});
  EXPECT_THAT(coverage(0, 100).armed.ranges(), ElementsAre(range(10, 50)));
  EXPECT_FALSE(value_of(reader->recording(kFront))->is_armed);
}

TEST_F(CatalogTest, DegradedStretchesNearerThanTenSecondsAreOne) {
  tell(DegradedNoted{kFront, range(0, 1), Reason::kPacketLoss, 3});
  tell(DegradedNoted{kFront, range(22, 23), Reason::kPacketLoss, 4});
  tell(DegradedNoted{kFront, range(9, 10), Reason::kAudioLost, 1});
  tell(DegradedNoted{kFront, range(10, 11), Reason::kPacketLoss, 5});
  EXPECT_THAT(coverage(0, 100).degraded,
              ElementsAre(media::Degraded{range(0, 11), Reason::kPacketLoss, 8},
                          media::Degraded{range(9, 10), Reason::kAudioLost, 1},
                          media::Degraded{range(22, 23), Reason::kPacketLoss, 4}));
}

TEST_F(CatalogTest, Host23_ARedatedRunMovesWithEverythingItCovers) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 20), range(30, 60)}));
  tell(closed(kFront, segment_id(8, 1), {range(55, 70)}));
  tell(RunRedated{kFront, {7}, seconds(1000)});
  EXPECT_THAT(recorded(), ElementsAre(range(55, 70), range(1000, 1020), range(1030, 1060)));
  tell(closed(kFront, segment_id(7, 2), {range(60, 120)}));  // recovered later, times as recorded
  EXPECT_EQ(value_of(reader->segment(kFront, segment_id(7, 2)))->range, range(1060, 1120));
  EXPECT_EQ(value_of(reader->segment(kFront, segment_id(7, 1)))->spans.back(), range(1030, 1060));
}

TEST_F(CatalogTest, FactsAtOrBeforeTheAppliedSequenceChangeNothing) {
  const Fact created = RecordingCreated{kFront, "other", at(0)};
  const CatalogWriter::Entry again{1, &created};
  value_of(writer->apply(std::span(&again, 1)));
  EXPECT_EQ(value_of(reader->recording(kFront))->name, "front");
  EXPECT_EQ(value_of(reader->applied_sequence()), 1U);
}

TEST_F(CatalogTest, ARecordingSumsUpItsClosedSegments) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  tell(closed(kFront, segment_id(7, 2), {range(60, 120)}));
  tell(closed(kFront, segment_id(7, 2), {range(60, 120)}));  // told twice
  tell(SegmentDeleted{kFront, segment_id(7, 1), Reason::kRetention, {range(0, 60)}});
  const auto rows = value_of(reader->recordings());
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows.front().segment_count, 1U);
  EXPECT_EQ(rows.front().size_bytes, 1000U);
  EXPECT_EQ(rows.front().first, at(60));
  EXPECT_EQ(rows.front().last, at(120));
}

TEST_F(CatalogTest, SegmentsComeByStartAndAreTheOnesThatTouch) {
  for (std::uint32_t i = 1; i <= 10; ++i)
    tell(closed(kFront, segment_id(7, i), {range(i * 60, i * 60 + 60)}));
  const auto rows = value_of(reader->segments(kFront, range(130, 241), 10));
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows.front().id.sequence, 2U);
  EXPECT_EQ(rows.back().id.sequence, 4U);
  EXPECT_THAT(value_of(reader->segments(kFront, range(0, 10'000), 4)), SizeIs(4));
  EXPECT_THAT(value_of(reader->segments(kFront, range(120, 180), 9)), SizeIs(1));  // half open
}

TEST_F(CatalogTest, ASegmentLongerThanTheCapIsStillFoundByItsEnd) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 10'000)}));
  EXPECT_THAT(value_of(reader->segments(kFront, range(9'999, 20'000), 10)), SizeIs(1));
}

TEST_F(CatalogTest, TheOldestByEndComeFirst) {
  tell(closed(kFront, segment_id(7, 1), {range(0, 500)}));
  tell(closed(kFront, segment_id(8, 1), {range(100, 160)}));
  const auto rows = value_of(reader->oldest_closed(kFront, 1));
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows.front().id, segment_id(8, 1));
}

TEST_F(CatalogTest, CoverageIsClippedToTheQuestion) {
  tell(Armed{kFront, at(0)});
  tell(closed(kFront, segment_id(7, 1), {range(0, 60)}));
  tell(GapNoted{kFront, range(60, 100), Reason::kCrash, ""});
  tell(DegradedNoted{kFront, range(10, 50), Reason::kPacketLoss, 9});
  const Coverage some = coverage(20, 80);
  EXPECT_THAT(some.recorded.ranges(), ElementsAre(range(20, 60)));
  EXPECT_THAT(some.armed.ranges(), ElementsAre(range(20, 80)));
  EXPECT_THAT(some.reasons, ElementsAre(media::ReasonSpan{range(60, 80), Reason::kCrash}));
  EXPECT_THAT(some.degraded, ElementsAre(media::Degraded{range(20, 50), Reason::kPacketLoss, 9}));
  EXPECT_THAT(coverage(200, 100).recorded.ranges(), IsEmpty());
}

TEST_F(CatalogTest, Cat08_AFactForARecordingThatNobodyIntroducedIsNotLost) {
  tell(closed(kBack, segment_id(7, 1), {range(0, 60)}));
  EXPECT_EQ(value_of(reader->recording(kBack))->name, to_string(kBack));
  tell(RecordingCreated{kBack, "back", at(1)});
  EXPECT_EQ(value_of(reader->recording(kBack))->name, "back");
}

TEST_F(CatalogTest, AbsurdFactsAreCutToWhatARowCanHold) {
  const TimeRange all{WallTime::min(), WallTime::max()};
  tell(SegmentClosed{kFront, {{~0ULL}, ~0U}, "x", ~0ULL, {all, range(5, 1), range(0, 9)}, false});
  tell(SegmentClosed{kFront, segment_id(0, 0), "", 0, {}, false});
  tell(RunRedated{kFront, {~0ULL}, microseconds::max()});
  tell(RunRedated{kFront, {~0ULL}, microseconds::max()});
  tell(GapNoted{kFront, all, Reason::kCrash, ""});
  tell(DegradedNoted{kFront, all, Reason::kPacketLoss, ~0ULL});
  tell(DegradedNoted{kFront, all, Reason::kPacketLoss, ~0ULL});
  tell(ProcessStarted{~0ULL, std::string("\0\xFF", 2), WallTime::min()});
  EXPECT_EQ(writer->refused_count(), 0U);
  EXPECT_EQ(value_of(reader->applied_sequence()), sequence);
}

// ---- The reader cannot write; another schema is not a catalog.

TEST_F(CatalogTest, AnotherApplicationsDatabaseIsNoCatalog) {
  const std::string other = folder.path() + "/other.db";
  {
    const auto database = value_of(sqlite::Database::open(other, sqlite::Access::kReadWrite));
    value_of(database->run_script("CREATE TABLE somebody (s TEXT)"));
  }
  const auto opened = CatalogWriter::open(other);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), ErrorCode::kDataLoss);
}

TEST_F(CatalogTest, QueriesGoByIndexAndNeverScanTheSegments) {
  const auto database = value_of(sqlite::Database::open(path, sqlite::Access::kRead));
  const auto plan = [&](std::string_view sql) {
    auto statement = value_of(database->prepare(sql));
    sqlite::Rows rows = statement.query();
    std::string text;
    while (value_of(rows.next())) text += rows.text(3) + "\n";
    return text;
  };
  EXPECT_THAT(plan("EXPLAIN QUERY PLAN SELECT * FROM segments WHERE recording = 1 AND start_us < 9"
                   " AND start_us >= 1 AND (end_us > 1 OR state = 1) AND state <> 3"
                   " ORDER BY start_us, run, sequence LIMIT 9"),
              testing::HasSubstr("segments_by_start (recording=? AND start_us>? AND start_us<?)"));
  EXPECT_THAT(plan("EXPLAIN QUERY PLAN SELECT * FROM segments WHERE recording = 1 AND state = 2"
                   " ORDER BY end_us, run, sequence LIMIT 5"),
              testing::HasSubstr("segments_closed_by_end (recording=?)"));
  EXPECT_THAT(plan("EXPLAIN QUERY PLAN SELECT * FROM segments WHERE state <> 2 AND state = 3"),
              testing::HasSubstr("segments_unclosed (state=?)"));
}

// ---- The WAL: FAULTS CAT-04.

TEST_F(CatalogTest, Cat04_ALongReaderNeverStopsTheWriterAndTheWalShrinksWhenItGoes) {
  auto outsider = value_of(sqlite::Database::open(path, sqlite::Access::kRead));
  value_of(outsider->run_script("BEGIN"));
  EXPECT_EQ(value_of(outsider->integer("SELECT count(*) FROM recordings")), 1);
  const std::string day(20'000, 'x');
  for (std::uint32_t i = 1; writer->wal_bytes() < (33U << 20U); ++i) {
    ASSERT_LT(i, 10'000U);
    tell(SegmentOpened{kFront, segment_id(7, i), day, at(i)});
    value_of(writer->checkpoint());
  }
  outsider.reset();
  value_of(writer->checkpoint());
  EXPECT_LT(writer->wal_bytes(), 1U << 20U);
}

TEST_F(CatalogTest, TheWalStaysSmallWhileManyFactsCome) {
  const std::string day(20'000, 'x');
  std::uint64_t largest = 0;
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    tell(SegmentOpened{kFront, segment_id(7, i), day, at(i)});
    value_of(writer->checkpoint());
    largest = std::max(largest, writer->wal_bytes());
  }
  EXPECT_LT(largest, 16U << 20U);
}

}  // namespace
}  // namespace longtake::store
