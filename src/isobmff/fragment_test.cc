#include "isobmff/fragment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/init.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {
namespace {

TestUnit unit(std::size_t bytes, bool is_sync, std::uint32_t composition_ticks = 0) {
  return {.is_sync = is_sync,
          .duration_ticks = 6000,
          .composition_ticks = composition_ticks,
          .payload = Bytes(bytes, std::byte{0x5a}),
          .is_damaged = false};
}

bool straddles_page(std::uint64_t start, std::uint64_t bytes) {
  return start / kPageBytes != (start + bytes - 1) / kPageBytes;
}

/// A box below moof of the first fragment, by its path.
Box box_in_moof(const TestSegment& segment, std::initializer_list<FourCc> path) {
  const media::FragmentEntry& entry = segment.index().fragments.front();
  const ByteSpan head = head_of(segment.file(), entry);
  auto boxes = parse_boxes(head.first(head.size() - kBoxHeaderBytes)).value();
  Box found = require_box(boxes, four_cc("moof")).value();
  for (const FourCc type : path)
    found = require_box(parse_boxes(found.payload).value(), type).value();
  return found;
}

std::uint32_t u32_at(const Box& box, std::size_t at) {
  return *Cursor(box.payload.subspan(at)).u32();
}
std::uint32_t flags_of(const Box& box) { return u32_at(box, 0) & 0xffffffU; }
std::uint32_t version_of(const Box& box) { return u32_at(box, 0) >> 24U; }

TEST(Fragment, ReadsBackAsTheSamplesItWasMadeOf) {
  TestSegment segment;
  const std::vector<TestUnit> units = {unit(5000, true, 12'000), unit(100, false, 18'000),
                                       unit(90, false, 0)};
  const auto entry = segment.add(1, 0, units);
  EXPECT_EQ(read_units(segment.file(), entry), units);
  EXPECT_EQ(entry.sample_count, 3u);
  EXPECT_EQ(entry.duration_ticks, 18'000);
  EXPECT_EQ(entry.composition_ticks, 12'000);
  EXPECT_TRUE(entry.is_sync);
  EXPECT_FALSE(entry.is_damaged);
}

TEST(Fragment, IsDamagedWhenAUnitIs) {
  TestSegment segment;
  std::vector<TestUnit> units = {unit(50, true), unit(50, false)};
  units[1].is_damaged = true;
  EXPECT_TRUE(segment.add(1, 0, units).is_damaged);
}

TEST(Fragment, HasTheRecordCrcOfMoofAndMdat) {
  TestSegment segment;
  const auto entry = segment.add(1, 0, {unit(5000, true), unit(100, false)});
  const ByteSpan file = segment.file();
  const auto record = read_record(file.subspan(entry.offset_bytes), entry.offset_bytes).value();
  const ByteSpan whole = file.subspan(entry.offset_bytes, entry.size_bytes);
  EXPECT_EQ(record.payload_crc, base::crc32c(whole.subspan(entry.record_bytes)));
}

TEST(Fragment, ChainsEachRecordToTheOneBeforeAndTheFirstToTheInitSegment) {
  TestSegment segment;
  const std::uint32_t init_crc = base::crc32c(segment.file());
  segment.add(1, 0, {unit(5000, true)});
  segment.add(2, 0, {unit(5000, true)});
  const ByteSpan file = segment.file();
  const auto& fragments = segment.index().fragments;
  const auto first = read_record(file.subspan(fragments[0].offset_bytes), 0).value();
  const auto second = read_record(file.subspan(fragments[1].offset_bytes), 0).value();
  EXPECT_EQ(first.previous_crc, init_crc);
  EXPECT_EQ(second.previous_crc, first.own_crc);
  EXPECT_EQ(segment.last_crc(), second.own_crc);
}

TEST(Fragment, PreparedAgainWithoutBeingWrittenIsTheSameBytes) {
  const std::vector<media::TrackConfigPtr> tracks = {test_video()};
  FragmentBuilder builder(media::RecordingId{1}, {media::RunId{1}, 1}, tracks,
                          make_init(tracks).value());
  media::AccessUnit picture;
  picture.is_sync = true;
  picture.payload = Bytes(1000, std::byte{1});
  const FragmentSample sample{&picture, 6000, 0};
  media::FragmentEntry given;
  given.track = 1;
  const auto bytes_of = [&] {
    Bytes bytes;
    EXPECT_TRUE(builder.prepare(given, std::span(&sample, 1)).has_value());
    for (const ByteSpan part : builder.parts()) bytes.insert(bytes.end(), part.begin(), part.end());
    return bytes;
  };
  EXPECT_EQ(bytes_of(), bytes_of());
}

// The run's offset and wall clock are in the record; with tfdt going on, players show a second file
// at twice its length.
TEST(Fragment, Rule1_TfdtIsVersion1AndCountsFromZeroInEveryFile) {
  for (const std::uint32_t sequence : {1U, 2U}) {
    TestSegment segment({test_video()}, {media::RunId{9}, sequence});
    const auto entry = segment.add(1, 0, {unit(100, true)});
    const Box tfdt = box_in_moof(segment, {four_cc("traf"), four_cc("tfdt")});
    EXPECT_EQ(version_of(tfdt), 1u);
    EXPECT_EQ(tfdt.payload.size(), 12u);
    EXPECT_EQ(u32_at(tfdt, 4), 0u);
    EXPECT_EQ(u32_at(tfdt, 8), 0u);
    EXPECT_EQ(entry.run_offset_us, 700'000'000);
  }
}

TEST(Fragment, Rule2_NoEditList) {
  TestSegment segment;
  base::SeededRandom random(1);
  segment.add_seconds(2, random, 300);
  segment.close();
  const auto in_file = parse_boxes(segment.file()).value();
  const auto in_moov = parse_children(in_file, four_cc("moov")).value();
  for (const Box& box : in_moov) {
    if (box.type != four_cc("trak")) continue;
    EXPECT_EQ(find_box(parse_boxes(box.payload).value(), four_cc("edts")), nullptr);
  }
  EXPECT_EQ(as_text(ByteSpan(segment.file()).first(segment.index().init_bytes)).find("elst"),
            std::string_view::npos);
}

TEST(Fragment, Rule3_CompositionOffsetsAreNeverNegative) {
  TestSegment segment;
  segment.add(1, 0, {unit(100, true, 0x7fffffff)});
  std::vector<media::TrackConfigPtr> tracks = {test_video()};
  FragmentBuilder builder({}, {}, tracks, make_init(tracks).value());
  media::AccessUnit picture;
  picture.is_sync = true;
  const FragmentSample negative{&picture, 6000, static_cast<std::uint32_t>(-6000)};
  media::FragmentEntry given;
  given.track = 1;
  const auto entry = builder.prepare(given, std::span(&negative, 1));
  ASSERT_FALSE(entry.has_value());
  EXPECT_EQ(entry.error().code(), ErrorCode::kInvalidArgument);
}

/// Rule 4, as every fragment of a segment must keep it.
bool is_well_placed(const media::FragmentEntry& entry) {
  const std::uint64_t moof = entry.offset_bytes + entry.record_bytes;
  const std::uint64_t head_bytes = entry.head_bytes - entry.record_bytes;
  const std::uint64_t end = entry.offset_bytes + entry.size_bytes;
  return !straddles_page(entry.offset_bytes, kMinRecordBytes) &&
         !straddles_page(end, kMinRecordBytes) &&
         (!straddles_page(moof, head_bytes) ||
          (head_bytes > kPageBytes - kMinRecordBytes && moof % kPageBytes < kMinRecordBytes));
}

RC_GTEST_PROP(Fragment, Rule4_NoHeadStraddlesAPageWhereverAFragmentBegins, ()) {
  media::FragmentEntry entry;
  entry.offset_bytes = *rc::gen::inRange<std::uint64_t>(0, 100 * kPageBytes);
  // Where the fragment before ended: a record fits there.
  RC_PRE(!straddles_page(entry.offset_bytes, kMinRecordBytes));
  const auto head_bytes =
      *rc::gen::weightedOneOf<std::uint32_t>({{5, rc::gen::inRange<std::uint32_t>(100, 1000)},
                                              {1, rc::gen::inRange<std::uint32_t>(100, 20'000)}});
  const auto data_bytes = *rc::gen::inRange<std::uint32_t>(0, 100'000);
  entry.record_bytes = padded_record_bytes(entry.offset_bytes, head_bytes, data_bytes);
  entry.head_bytes = entry.record_bytes + head_bytes;
  entry.size_bytes = entry.head_bytes + data_bytes;
  RC_ASSERT(entry.record_bytes >= kMinRecordBytes && entry.record_bytes <= kMaxRecordBytes);
  RC_ASSERT(is_well_placed(entry));
}

// All ends of one page against heads around the largest that can always be placed.
TEST(Fragment, Rule4_HoldsForEveryOffsetInThePageAtTheLargestHead) {
  for (std::uint64_t offset = kPageBytes; offset <= 2 * kPageBytes - kMinRecordBytes; ++offset) {
    for (const std::uint32_t head_bytes : {3971U, 3972U, 3973U, 4095U, 4096U, 4097U}) {
      for (const std::uint32_t data_bytes : {0U, 1U, 123U, 4000U, 4096U}) {
        media::FragmentEntry entry;
        entry.offset_bytes = offset;
        entry.record_bytes = padded_record_bytes(offset, head_bytes, data_bytes);
        entry.head_bytes = entry.record_bytes + head_bytes;
        entry.size_bytes = entry.head_bytes + data_bytes;
        ASSERT_LE(entry.record_bytes, kMaxRecordBytes);
        ASSERT_TRUE(is_well_placed(entry)) << offset << " " << head_bytes << " " << data_bytes;
      }
    }
  }
}

TEST(Fragment, Rule4_AHeadLargerThanAPageBeginsAtThePage) {
  TestSegment segment({test_video()});
  std::vector<TestUnit> units;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    units.push_back(unit(1 + i, i == 0, i % 3 * 6000));
    units.back().duration_ticks = 80 + i % 2;
  }
  const auto entry = segment.add(1, 0, units);
  EXPECT_GT(entry.head_bytes - entry.record_bytes, 2 * kPageBytes);
  EXPECT_LT((entry.offset_bytes + entry.record_bytes) % kPageBytes, kMinRecordBytes);
  EXPECT_TRUE(is_well_placed(entry));
  EXPECT_EQ(read_units(segment.file(), entry), units);
}

TEST(Fragment, Rule7_SaysDefaultBaseIsMoofAndExplicitSampleFlags) {
  TestSegment segment;
  segment.add(1, 0, {unit(100, true), unit(200, false), unit(300, false)});
  const Box tfhd = box_in_moof(segment, {four_cc("traf"), four_cc("tfhd")});
  const Box trun = box_in_moof(segment, {four_cc("traf"), four_cc("trun")});
  EXPECT_EQ(flags_of(tfhd), 0x20028u);  // default base is moof, default duration and flags
  EXPECT_EQ(u32_at(tfhd, 12), 0x01010000u);
  EXPECT_EQ(flags_of(trun), 0x205u);  // data offset, flags of the first sample, sizes
  EXPECT_EQ(u32_at(trun, 12), 0x02000000u);
}

TEST(Fragment, Rule7_CountsMovieFragmentsFromOneInEveryFile) {
  for (const std::uint32_t sequence : {1U, 2U}) {
    TestSegment segment({test_video()}, {media::RunId{9}, sequence});
    segment.add(1, 0, {unit(100, true)});
    segment.add(1, 6000, {unit(100, true)});
    EXPECT_EQ(u32_at(box_in_moof(segment, {four_cc("mfhd")}), 4), 1u);
    const auto second = read_samples(head_of(segment.file(), segment.index().fragments[1])).value();
    EXPECT_EQ(second.sequence, 2u);
  }
}

TEST(Fragment, Rule7_HasVersion1OfTrunOnlyWhereCompositionOffsetsExist) {
  TestSegment without({test_video()});
  without.add(1, 0, {unit(100, true), unit(100, false)});
  EXPECT_EQ(version_of(box_in_moof(without, {four_cc("traf"), four_cc("trun")})), 0u);
  TestSegment with({test_video()});
  with.add(1, 0, {unit(100, true, 6000), unit(100, false, 0)});
  EXPECT_EQ(version_of(box_in_moof(with, {four_cc("traf"), four_cc("trun")})), 1u);
}

TEST(Fragment, SaysOnceWhatAllSamplesShare) {
  TestSegment segment;
  std::vector<TestUnit> frames(8, unit(160, true));
  const auto entry = segment.add(2, 0, frames);
  const Box trun = box_in_moof(segment, {four_cc("traf"), four_cc("trun")});
  EXPECT_EQ(flags_of(trun), 0x1u);
  EXPECT_EQ(entry.head_bytes - entry.record_bytes, 108u);
  EXPECT_EQ(read_units(segment.file(), entry), frames);
}

// Rule 8 is the playlist's, but only whole GOPs can be joined to whole GOPs.
TEST(Fragment, Rule8_HoldsAtMostOneGop) {
  std::vector<media::TrackConfigPtr> tracks = {test_video(), test_audio()};
  FragmentBuilder builder({}, {}, tracks, make_init(tracks).value());
  media::AccessUnit key_frame;
  key_frame.is_sync = true;
  const std::vector<FragmentSample> two(2, FragmentSample{&key_frame, 6000, 0});
  media::FragmentEntry given;
  given.track = 1;
  EXPECT_EQ(builder.prepare(given, two).error().code(), ErrorCode::kInvalidArgument);
  given.track = 2;
  EXPECT_TRUE(builder.prepare(given, two).has_value());
}

TEST(Fragment, RefusesNoSamplesAndTracksNotInTheInitSegment) {
  std::vector<media::TrackConfigPtr> tracks = {test_video()};
  FragmentBuilder builder({}, {}, tracks, make_init(tracks).value());
  media::AccessUnit picture;
  const FragmentSample sample{&picture, 6000, 0};
  media::FragmentEntry given;
  given.track = 1;
  EXPECT_EQ(builder.prepare(given, {}).error().code(), ErrorCode::kInvalidArgument);
  given.track = 2;
  EXPECT_EQ(builder.prepare(given, std::span(&sample, 1)).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST(Fragment, TakesAsManySamplesAsTheLimitAndNotOneMore) {
  std::vector<media::TrackConfigPtr> tracks = {test_audio()};
  FragmentBuilder builder({}, {}, tracks, make_init(tracks).value());
  media::AccessUnit frame;
  frame.is_sync = true;
  std::vector<FragmentSample> samples(kMaxSamplesPerFragment, FragmentSample{&frame, 1, 0});
  media::FragmentEntry given;
  given.track = 2;
  EXPECT_TRUE(builder.prepare(given, samples).has_value());
  samples.push_back(samples.front());
  EXPECT_EQ(builder.prepare(given, samples).error().code(), ErrorCode::kResourceExhausted);
}

TEST(Fragment, Cam23_TakesAsManyBytesAsTheLimitAndNotOneMore) {
  std::vector<media::TrackConfigPtr> tracks = {test_video()};
  FragmentBuilder builder({}, {}, tracks, make_init(tracks).value());
  media::AccessUnit picture;
  picture.payload.resize(limits::kFragmentBytes);
  const FragmentSample sample{&picture, 6000, 0};
  media::FragmentEntry given;
  given.track = 1;
  EXPECT_TRUE(builder.prepare(given, std::span(&sample, 1)).has_value());
  picture.payload.push_back(std::byte{0});
  EXPECT_EQ(builder.prepare(given, std::span(&sample, 1)).error().code(),
            ErrorCode::kResourceExhausted);
}

TEST(Samples, CutAtAnyByteOfTheHeadAreDataLoss) {
  TestSegment segment;
  const auto entry = segment.add(1, 0, {unit(500, true, 6000), unit(100, false)});
  const ByteSpan head = head_of(segment.file(), entry);
  for (std::size_t size = 0; size < head.size(); ++size) {
    ASSERT_FALSE(read_samples(head.first(size)).has_value()) << size;
  }
}

TEST(Samples, SayWhereTfdtCanBePatched) {
  TestSegment segment;
  const auto entry = segment.add(1, 123'456, {unit(500, true)});
  const auto fragment = read_samples(head_of(segment.file(), entry)).value();
  Cursor at_time(head_of(segment.file(), entry).subspan(fragment.decode_time_position));
  EXPECT_EQ(at_time.u64(), 123'456u);
}

}  // namespace
}  // namespace longtake::isobmff
