#include "isobmff/closing.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/mfra.h"
#include "isobmff/span_file.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {
namespace {

/// Counts reads.
class CountingFile final : public base::File {
 public:
  explicit CountingFile(ByteSpan bytes) : file_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    ++reads;
    return file_.read_at(offset, into);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const ByteSpan> parts) override {
    return file_.write_at(offset, parts);
  }
  Result<void> start_write_back() override { return file_.start_write_back(); }
  Result<void> sync_data() override { return file_.sync_data(); }
  Result<void> sync() override { return file_.sync(); }
  Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    return file_.reserve(offset, length);
  }
  Result<void> truncate(std::uint64_t size) override { return file_.truncate(size); }
  Result<std::uint64_t> size() override { return file_.size(); }
  [[nodiscard]] int descriptor() const override { return -1; }

  int reads = 0;

 private:
  SpanFile file_;
};

TestSegment closed_segment(int seconds) {
  TestSegment segment;
  base::SeededRandom random(7);
  segment.add_seconds(seconds, random, 50);
  segment.close();
  return segment;
}

std::optional<Summary> summary_of(ByteSpan bytes) {
  SpanFile file(bytes);
  return read_closing(file).value();
}

TEST(Closing, GivesTheIndexBack) {
  const TestSegment segment = closed_segment(3);
  auto summary = summary_of(segment.file());
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->last_record_crc, segment.last_crc());
  EXPECT_EQ(summary->index.recording, segment.index().recording);
  EXPECT_EQ(summary->index.segment, segment.index().segment);
  EXPECT_EQ(summary->index.init_bytes, segment.index().init_bytes);
  EXPECT_EQ(summary->index.fragments, segment.index().fragments);
}

TEST(Closing, IsFoundWithOneReadForAMinuteAndTwoForTenMinutes) {
  const TestSegment minute = closed_segment(60);
  CountingFile one(minute.file());
  EXPECT_TRUE(read_closing(one).value().has_value());
  EXPECT_EQ(one.reads, 1);
  const TestSegment ten_minutes = closed_segment(600);
  CountingFile two(ten_minutes.file());
  EXPECT_EQ(read_closing(two).value()->index.fragments, ten_minutes.index().fragments);
  EXPECT_EQ(two.reads, 2);
}

TEST(Closing, OfAnOpenFileIsNone) {
  TestSegment segment;
  EXPECT_FALSE(summary_of(segment.file()).has_value());
  base::SeededRandom random(7);
  segment.add_seconds(1, random, 50);
  EXPECT_FALSE(summary_of(segment.file()).has_value());
  EXPECT_FALSE(summary_of({}).has_value());
}

TEST(Closing, CutAtAnyByteIsNone) {
  const TestSegment segment = closed_segment(2);
  const ByteSpan file = segment.file();
  for (std::size_t size = segment.index().end_bytes(); size < file.size(); ++size) {
    ASSERT_FALSE(summary_of(file.first(size)).has_value()) << size;
  }
}

TEST(Closing, Host07_WithAnyFlippedBitInTheSummaryIsNone) {
  const TestSegment segment = closed_segment(1);
  Bytes file = segment.file();
  const std::size_t start = segment.index().end_bytes();
  const std::size_t end = start + peek_box_header(ByteSpan(file).subspan(start))->size;
  for (std::size_t bit = start * 8; bit < end * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_FALSE(summary_of(file).has_value()) << bit;
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

TEST(Closing, BehindOtherBytesThanItTellsOfIsNone) {
  const TestSegment segment = closed_segment(1);
  Bytes file = segment.file();
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(segment.index().end_bytes()), 100,
              std::byte{0});
  EXPECT_FALSE(summary_of(file).has_value());
}

TEST(Closing, Host26_OfALaterVersionIsAPreconditionThatFails) {
  const TestSegment segment = closed_segment(1);
  Bytes file = segment.file();
  const std::size_t start = segment.index().end_bytes();
  const std::size_t bytes = peek_box_header(ByteSpan(file).subspan(start))->size;
  file[start + kUuidHeaderBytes] = std::byte{kSummaryVersion + 1};
  ByteWriter(file).patch_u32(start + bytes - 4,
                             base::crc32c(ByteSpan(file).subspan(start, bytes - 4)));
  SpanFile in_memory(file);
  const auto summary = read_closing(in_memory);
  ASSERT_FALSE(summary.has_value());
  EXPECT_EQ(summary.error().code(), ErrorCode::kFailedPrecondition);
}

// GStreamer takes 30 s for 1 s without mfra, for 28 s with the video's tfra alone.
TEST(Closing, Rule6_HasATfraForEveryTrackThatPointsAtEachSyncSample) {
  TestSegment segment = closed_segment(3);
  const auto boxes =
      parse_boxes(ByteSpan(segment.file()).subspan(segment.index().end_bytes())).value();
  ASSERT_EQ(boxes.size(), 2u);
  const auto in_mfra = parse_children(boxes, four_cc("mfra")).value();
  ASSERT_EQ(in_mfra.size(), 3u);
  for (const std::size_t i : {0u, 1u}) {
    Cursor tfra(in_mfra[i].payload);
    EXPECT_EQ(in_mfra[i].type, four_cc("tfra"));
    EXPECT_EQ(read_full_box_header(tfra)->version, 1);
    EXPECT_EQ(tfra.u32(), i + 1);  // the track
    EXPECT_EQ(tfra.u32(), 0u);
    EXPECT_EQ(tfra.u32(), 3u);
    for (std::size_t second = 0; second < 3; ++second) {
      const media::FragmentEntry& entry = segment.index().fragments[2 * second + i];
      EXPECT_EQ(tfra.u64(), static_cast<std::uint64_t>(entry.media_start_ticks));
      const std::uint64_t moof = *tfra.u64();
      EXPECT_EQ(peek_box_header(ByteSpan(segment.file()).subspan(moof))->type, four_cc("moof"));
      EXPECT_EQ(moof, entry.offset_bytes + entry.record_bytes);
      EXPECT_EQ(tfra.u24(), 0x010101u);
    }
    EXPECT_TRUE(tfra.is_at_end());
  }
  EXPECT_EQ(read_mfra_size(segment.file()), boxes[1].whole.size());
}

TEST(Closing, ListsTheTimeAtWhichASyncSampleIsShown) {
  TestSegment segment({test_video()});
  segment.add(1, 0,
              {{.is_sync = true,
                .duration_ticks = 6000,
                .composition_ticks = 12'000,
                .payload = {},
                .is_damaged = false}});
  const Bytes mfra = make_mfra(segment.index());
  const auto boxes = parse_boxes(mfra).value();
  const auto in_mfra = parse_children(boxes, four_cc("mfra")).value();
  EXPECT_EQ(Cursor(in_mfra[0].payload.subspan(16)).u64(), 12'000u);
}

TEST(Closing, DoesNotListFragmentsThatBeginOffKey) {
  TestSegment segment({test_video()});
  segment.add(1, 0,
              {{.is_sync = true,
                .duration_ticks = 6000,
                .composition_ticks = 0,
                .payload = {},
                .is_damaged = false}});
  segment.add(1, 6000,
              {{.is_sync = false,
                .duration_ticks = 6000,
                .composition_ticks = 0,
                .payload = {},
                .is_damaged = false}});
  const Bytes mfra = make_mfra(segment.index());
  const auto boxes = parse_boxes(mfra).value();
  const auto in_mfra = parse_children(boxes, four_cc("mfra")).value();
  EXPECT_EQ(Cursor(in_mfra[0].payload.subspan(12)).u32(), 1u);
}

}  // namespace
}  // namespace longtake::isobmff
