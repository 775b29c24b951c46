#include "isobmff/reader.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/record.h"
#include "isobmff/span_file.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {
namespace {

TestSegment open_segment(int seconds = 3, std::size_t mean_picture_bytes = 300) {
  TestSegment segment;
  base::SeededRandom random(3);
  segment.add_seconds(seconds, random, mean_picture_bytes);
  return segment;
}

void expect_same(const media::FragmentIndex& read, const media::FragmentIndex& written,
                 std::size_t fragments) {
  EXPECT_EQ(read.recording, written.recording);
  EXPECT_EQ(read.segment, written.segment);
  EXPECT_EQ(read.init_bytes, written.init_bytes);
  ASSERT_EQ(read.tracks.size(), written.tracks.size());
  for (std::size_t i = 0; i < read.tracks.size(); ++i)
    EXPECT_EQ(*read.tracks[i], *written.tracks[i]);
  ASSERT_EQ(read.fragments.size(), fragments);
  EXPECT_TRUE(std::equal(read.fragments.begin(), read.fragments.end(), written.fragments.begin()));
}

TEST(Walk, FindsEveryFragmentOfAnOpenFile) {
  const TestSegment segment = open_segment();
  for (const Check check : {Check::kRecords, Check::kAll}) {
    const Walk walked = walk(segment.file(), check).value();
    expect_same(walked.index, segment.index(), 6);
    EXPECT_EQ(walked.stop, Stop::kEnd);
    EXPECT_EQ(walked.stop_bytes, segment.file().size());
    EXPECT_EQ(walked.last_crc, segment.last_crc());
  }
}

TEST(Walk, StopsAtTheSummaryOfAClosedFile) {
  TestSegment segment = open_segment();
  segment.close();
  const Walk walked = walk(segment.file(), Check::kAll).value();
  expect_same(walked.index, segment.index(), 6);
  EXPECT_EQ(walked.stop, Stop::kClosing);
  EXPECT_EQ(walked.stop_bytes, segment.index().end_bytes());
}

TEST(Walk, OfAnInitSegmentAloneFindsNothingAndNoFault) {
  const TestSegment segment;
  const Walk walked = walk(segment.file(), Check::kAll).value();
  EXPECT_TRUE(walked.index.fragments.empty());
  EXPECT_EQ(walked.stop, Stop::kEnd);
  EXPECT_EQ(walked.stop_bytes, segment.index().init_bytes);
}

TEST(Walk, TakesReservedZerosForWhatTheyAre) {
  const TestSegment segment = open_segment();
  for (const std::size_t zeros : {1u, 8u, 100u, 600'000u}) {
    Bytes file = segment.file();
    file.resize(file.size() + zeros);
    const Walk walked = walk(file, Check::kAll).value();
    EXPECT_EQ(walked.stop, Stop::kZeros) << zeros;
    EXPECT_EQ(walked.stop_bytes, segment.file().size());
  }
}

TEST(Walk, DoesNotTakeZerosWithSomethingBehindThemForReserved) {
  const TestSegment segment = open_segment();
  Bytes file = segment.file();
  file.resize(file.size() + 600'000);
  file.back() = std::byte{1};
  EXPECT_EQ(walk(file, Check::kAll).value().stop, Stop::kForeignBox);
}

struct Tear {
  std::string_view name;
  std::int64_t bytes_of_last;  // what is left of the last fragment; negative: from its end
  Stop stop;
};
class TornFile : public testing::TestWithParam<Tear> {};
TEST_P(TornFile, EndsWithTheFragmentBefore) {
  const TestSegment segment = open_segment();
  const media::FragmentEntry& last = segment.index().fragments.back();
  const std::int64_t left =
      GetParam().bytes_of_last + (GetParam().bytes_of_last < 0 ? last.size_bytes : 0);
  const ByteSpan file =
      ByteSpan(segment.file()).first(last.offset_bytes + static_cast<std::size_t>(left));
  const Walk walked = walk(file, Check::kAll).value();
  expect_same(walked.index, segment.index(), 5);
  EXPECT_EQ(walked.stop, GetParam().stop) << walked.detail;
  EXPECT_EQ(walked.stop_bytes, last.offset_bytes);
}
INSTANTIATE_TEST_SUITE_P(Walk, TornFile,
                         testing::Values(Tear{"InTheBoxHeader", 5, Stop::kTornHead},
                                         Tear{"InTheUuid", 20, Stop::kTornHead},
                                         Tear{"InTheRecord", 100, Stop::kTornHead},
                                         Tear{"InTheMoof", 200, Stop::kTornPayload},
                                         Tear{"AtTheLastByte", -1, Stop::kTornPayload}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Walk, Host07_AnyFlippedBitOfAFragmentEndsTheFileBeforeIt) {
  TestSegment segment({test_video()});
  const auto add_picture = [&segment](std::int64_t start) {
    segment.add(1, start,
                {{.is_sync = true,
                  .duration_ticks = 6000,
                  .composition_ticks = 0,
                  .payload = Bytes(100, std::byte{9}),
                  .is_damaged = false}});
  };
  add_picture(0);
  add_picture(6000);
  Bytes file = segment.file();
  const media::FragmentEntry& last = segment.index().fragments.back();
  for (std::uint64_t bit = last.offset_bytes * 8; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const Walk walked = walk(file, Check::kAll).value();
    ASSERT_EQ(walked.stop_bytes, last.offset_bytes) << bit;
    ASSERT_EQ(walked.index.fragments.size(), 1u) << bit;
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

TEST(Walk, Host07_AnyFlippedBitOfTheInitSegmentIsFound) {
  TestSegment segment({test_video()});
  segment.add(1, 0,
              {{.is_sync = true,
                .duration_ticks = 6000,
                .composition_ticks = 0,
                .payload = {},
                .is_damaged = false}});
  Bytes file = segment.file();
  for (std::uint64_t bit = 0; bit < segment.index().init_bytes * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto walked = walk(file, Check::kAll);
    ASSERT_TRUE(!walked.has_value() || walked->index.fragments.empty()) << bit;
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

TEST(Walk, DoesNotLookAtPayloadsWhenOnlyRecordsAreAskedFor) {
  const TestSegment segment = open_segment();
  Bytes file = segment.file();
  file.back() ^= std::byte{1};
  EXPECT_EQ(walk(file, Check::kRecords).value().stop, Stop::kEnd);
  EXPECT_EQ(walk(file, Check::kAll).value().stop, Stop::kBadPayload);
}

// A file system that brings back an old block, or a crash between two files: whole, but not of this
// place.
TEST(Walk, StopsAtAWholeFragmentThatDoesNotFollowOnTheOneBefore) {
  const TestSegment segment = open_segment();
  const auto& fragments = segment.index().fragments;
  Bytes file = segment.file();
  const auto from = file.begin() + static_cast<std::ptrdiff_t>(fragments[2].offset_bytes);
  file.erase(from, from + fragments[2].size_bytes);
  const Walk walked = walk(file, Check::kAll).value();
  EXPECT_EQ(walked.stop, Stop::kBrokenChain) << walked.detail;
  EXPECT_EQ(walked.index.fragments.size(), 2u);
}

TEST(Walk, StopsAtAFragmentOfAnotherSegment) {
  TestSegment segment({test_video()}, {media::RunId{1}, 1});
  TestSegment other({test_video()}, {media::RunId{1}, 2});
  const std::vector<TestUnit> picture = {{.is_sync = true,
                                          .duration_ticks = 6000,
                                          .composition_ticks = 0,
                                          .payload = {},
                                          .is_damaged = false}};
  segment.add(1, 0, picture);
  for (const std::int64_t start : {0, 6000}) other.add(1, start, picture);
  Bytes file = segment.file();
  const auto from =
      other.file().begin() + static_cast<std::ptrdiff_t>(other.index().fragments[1].offset_bytes);
  file.insert(file.end(), from, other.file().end());
  EXPECT_EQ(walk(file, Check::kAll).value().stop, Stop::kBrokenChain);
}

TEST(Walk, StopsAtABoxThatIsNotOurs) {
  const TestSegment segment = open_segment();
  Bytes file = segment.file();
  ByteWriter(file).u32(100).u32(four_cc("free")).zeros(92);
  const Walk walked = walk(file, Check::kAll).value();
  EXPECT_EQ(walked.stop, Stop::kForeignBox);
  EXPECT_NE(walked.detail.find("'free'"), std::string::npos) << walked.detail;
  EXPECT_EQ(walked.index.fragments.size(), 6u);
}

TEST(Walk, Host26_LeavesAFileOfALaterVersionAlone) {
  const TestSegment segment = open_segment();
  Bytes file = segment.file();
  const media::FragmentEntry& last = segment.index().fragments.back();
  file[last.offset_bytes + kUuidHeaderBytes] = std::byte{kRecordVersion + 1};
  const ByteSpan record = ByteSpan(file).subspan(last.offset_bytes, last.record_bytes - kCrcBytes);
  ByteWriter(file).patch_u32(last.offset_bytes + last.record_bytes - kCrcBytes,
                             base::crc32c(record));
  const auto walked = walk(file, Check::kAll);
  ASSERT_FALSE(walked.has_value());
  EXPECT_EQ(walked.error().code(), ErrorCode::kFailedPrecondition);
}

TEST(Walk, OfBytesWithoutAnInitSegmentIsDataLoss) {
  for (const Bytes& bytes : {Bytes(), Bytes(5000), Bytes(100, std::byte{0xff})}) {
    const auto walked = walk(bytes, Check::kAll);
    ASSERT_FALSE(walked.has_value());
    EXPECT_EQ(walked.error().code(), ErrorCode::kDataLoss);
  }
}

TEST(ReadIndex, TakesTheSummaryOfAClosedFileAndWalksAnOpenOne) {
  TestSegment segment = open_segment();
  SpanFile open_file(segment.file());
  const ReadIndex walked = read_index(open_file).value();
  EXPECT_EQ(walked.source, IndexSource::kRecords);
  expect_same(walked.index, segment.index(), 6);
  segment.close();
  SpanFile closed_file(segment.file());
  const ReadIndex read = read_index(closed_file).value();
  EXPECT_EQ(read.source, IndexSource::kSummary);
  expect_same(read.index, segment.index(), 6);
}

TEST(ReadIndex, WalksWhenTheSummaryIsDamaged) {
  TestSegment segment = open_segment();
  segment.close();
  Bytes file = segment.file();
  file[segment.index().end_bytes() + 100] ^= std::byte{1};
  SpanFile damaged(file);
  const ReadIndex read = read_index(damaged).value();
  EXPECT_EQ(read.source, IndexSource::kRecords);
  expect_same(read.index, segment.index(), 6);
}

TEST(ReadIndex, Host07_DoesNotBelieveASummaryBehindADamagedInitSegment) {
  TestSegment segment = open_segment();
  segment.close();
  Bytes file = segment.file();
  // Inside avcC: the boxes still parse, the decoder would not.
  file[as_text(file).find("avcC") + 14] ^= std::byte{1};
  SpanFile damaged(file);
  EXPECT_TRUE(read_index(damaged).value().index.fragments.empty());
}

TEST(Walk, Host07_TakesADamagedSampleEntryForDamageAndNotForALaterVersion) {
  const TestSegment segment = open_segment();
  Bytes file = segment.file();
  file[as_text(file).find("avc1")] ^= std::byte{1};
  EXPECT_EQ(walk(file, Check::kAll).error().code(), ErrorCode::kDataLoss);
}

TEST(Stop, HasANameForEachReason) {
  EXPECT_EQ(to_string(Stop::kEnd), "end");
  EXPECT_EQ(to_string(Stop::kBrokenChain), "broken_chain");
}

}  // namespace
}  // namespace longtake::isobmff
