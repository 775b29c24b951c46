#include "playback/clip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "isobmff/box.h"
#include "playback/test_archive.h"

namespace longtake::playback {
namespace {

using isobmff::four_cc;
using testing::ElementsAre;

constexpr media::RunId kRun{16};

WallTime at(double s) { return kStart + microseconds(static_cast<std::int64_t>(s * 1e6)); }

/// One sample as the tables tell it.
struct Played {
  std::int64_t dts = 0;
  std::int64_t composition = 0;
  bool is_sync = false;
  Bytes payload;
};

/// A second reader of sample tables, which knows nothing of how they are made.
class Movie {
 public:
  explicit Movie(Bytes file) : file_(std::move(file)) {
    std::size_t offset = 0;
    while (offset + 8 <= file_.size()) {
      Cursor cursor(ByteSpan(file_).subspan(offset));
      std::uint64_t size = *cursor.u32();
      const FourCc type = *cursor.u32();
      if (size == 1) size = *cursor.u64();
      if (type == four_cc("moov")) moov_ = std::span(file_).subspan(offset + 8, size - 8);
      offset += size;
    }
    EXPECT_EQ(offset, file_.size()) << "boxes fill the file";
    const auto boxes = isobmff::parse_boxes(moov_);
    EXPECT_TRUE(boxes);
    for (const isobmff::Box& box : *boxes) {
      if (box.type == four_cc("trak")) traks_.push_back(box.payload);
    }
  }
  using FourCc = isobmff::FourCc;

  std::size_t tracks() const { return traks_.size(); }

  std::vector<Played> samples(std::size_t track) const {
    const auto sizes = rows(track, "stsz", 8, 4);
    const auto times = rows(track, "stts", 4, 8);
    const auto compositions = rows(track, "ctts", 4, 8);
    const auto syncs = rows(track, "stss", 4, 4);
    const auto chunks = rows(track, "stsc", 4, 12);
    const auto offsets = rows(track, "co64", 4, 8);
    std::vector<Played> played;
    std::int64_t dts = 0;
    for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk) {
      std::uint64_t offset = number(offsets[chunk], 0, 8);
      for (std::uint64_t i = 0; i < number(chunks[chunk], 4, 4); ++i) {
        const std::size_t n = played.size();
        const std::uint64_t size = number(sizes[n], 0, 4);
        Played one{.dts = dts, .payload = {}};
        if (!compositions.empty())
          one.composition = static_cast<std::int64_t>(number(compositions[n], 4, 4));
        one.is_sync = std::ranges::any_of(
            syncs, [&](const Bytes& row) { return number(row, 0, 4) == n + 1; });
        one.payload.assign(file_.begin() + static_cast<std::ptrdiff_t>(offset),
                           file_.begin() + static_cast<std::ptrdiff_t>(offset + size));
        played.push_back(std::move(one));
        EXPECT_EQ(number(times[n], 0, 4), 1U);
        dts += static_cast<std::int64_t>(number(times[n], 4, 4));
        offset += size;
      }
    }
    EXPECT_EQ(played.size(), sizes.size());
    return played;
  }
  /// "duration media_time", of each edit.
  std::vector<std::pair<std::int64_t, std::int64_t>> edits(std::size_t track) const {
    const auto trak = isobmff::parse_boxes(traks_[track]);
    const auto edts = isobmff::parse_children(*trak, four_cc("edts"));
    const auto elst = isobmff::require_box(*edts, four_cc("elst"));
    std::vector<std::pair<std::int64_t, std::int64_t>> edits;
    Cursor cursor(elst->payload.subspan(8));
    while (cursor.remaining() >= 20) {
      const auto duration = static_cast<std::int64_t>(*cursor.u64());
      edits.emplace_back(duration, static_cast<std::int64_t>(*cursor.u64()));
      cursor.skip(4);
    }
    return edits;
  }

 private:
  static std::uint64_t number(const Bytes& row, std::size_t from, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value = value << 8U | static_cast<std::uint8_t>(row[from + i]);
    return value;
  }
  std::vector<Bytes> rows(std::size_t track, const char (&name)[5], std::size_t head,
                          std::size_t row_bytes) const {
    FourCc type = 0;
    for (std::size_t i = 0; i < 4; ++i) type = type << 8U | static_cast<std::uint8_t>(name[i]);
    const auto trak = isobmff::parse_boxes(traks_[track]);
    const auto mdia = isobmff::parse_children(*trak, four_cc("mdia"));
    const auto minf = isobmff::parse_children(*mdia, four_cc("minf"));
    const auto stbl = isobmff::parse_children(*minf, four_cc("stbl"));
    std::vector<Bytes> rows;
    const isobmff::Box* box = isobmff::find_box(*stbl, type);
    if (box == nullptr) return rows;
    const ByteSpan body = box->payload.subspan(4 + head);
    for (std::size_t i = 0; i + row_bytes <= body.size(); i += row_bytes)
      rows.emplace_back(body.begin() + static_cast<std::ptrdiff_t>(i),
                        body.begin() + static_cast<std::ptrdiff_t>(i + row_bytes));
    return rows;
  }

  Bytes file_;
  ByteSpan moov_;
  std::vector<ByteSpan> traks_;
};

/// The bytes from `offset` on, `length` of them, in the pieces that the body gives.
Result<Bytes> read(Body& body, std::uint64_t offset, std::uint64_t length) {
  Bytes bytes;
  while (bytes.size() < length) {
    LT_ASSIGN(const Slice slice, body.slice_at(offset + bytes.size()));
    Bytes piece(std::min(length_of(slice), length - bytes.size()));
    if (const auto* memory = std::get_if<MemorySlice>(&slice)) {
      std::copy_n(memory->bytes->begin() + static_cast<std::ptrdiff_t>(memory->offset_bytes),
                  piece.size(), piece.begin());
    } else {
      const auto& part = std::get<FileSlice>(slice);
      LT_TRY(part.file->read_at(part.offset_bytes, piece));
    }
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

class ClipTest : public testing::Test {
 protected:
  void add(const isobmff::TestSegment& segment) {
    archive_.add(segment);
    segments_.push_back(segment);
  }
  Result<ClipPlan> plan(double from_s, double to_s) {
    return plan_clip(archive_, grant_, {at(from_s), at(to_s)}, conflict_);
  }
  Result<Movie> clip(double from_s, double to_s) {
    LT_ASSIGN(ClipPlan planned, plan(from_s, to_s));
    const auto body = make_clip(archive_, grant_, std::move(planned));
    LT_ASSIGN(Bytes bytes, read(*body, 0, body->size_bytes()));
    return Movie(std::move(bytes));
  }
  /// What the files have on a track between two sync samples, by their start.
  std::vector<isobmff::TestUnit> recorded(media::TrackId track, double from_s, double to_s) {
    std::vector<isobmff::TestUnit> units;
    for (const isobmff::TestSegment& segment : segments_) {
      for (std::size_t i = 0; i < segment.index().fragments.size(); ++i) {
        const media::FragmentEntry& entry = segment.index().fragments[i];
        if (entry.track != track || entry.wall_start < at(from_s) || entry.wall_start >= at(to_s))
          continue;
        units.insert(units.end(), segment.units()[i].begin(), segment.units()[i].end());
      }
    }
    return units;
  }
  static void expect_same(const std::vector<Played>& played,
                          const std::vector<isobmff::TestUnit>& units) {
    ASSERT_EQ(played.size(), units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      ASSERT_EQ(played[i].payload, units[i].payload) << i;
      ASSERT_EQ(played[i].composition, units[i].composition_ticks) << i;
    }
  }

  TestArchive archive_;
  std::vector<isobmff::TestSegment> segments_;
  media::ReadGrant grant_ = testing_support::GrantForTests::of("front");
  ClipConflict conflict_;
};

TEST_F(ClipTest, HoldsTheGopsThatTheRangeTouchesAndShowsTheRange) {
  add(make_segment({kRun, 1}, {{0, 2}, {2, 2}, {4, 2}}));
  const auto movie = clip(2.5, 4.5);
  ASSERT_TRUE(movie);
  expect_same(movie->samples(0), recorded(1, 2, 5));
  EXPECT_THAT(movie->edits(0), ElementsAre(std::pair(2 * 90'000, 45'000)));
  EXPECT_THAT(movie->edits(1), ElementsAre(std::pair(2 * 90'000, 24'000)));
}

TEST_F(ClipTest, RandomRangesHoldPictureByPictureWhatTheFilesHold) {
  std::uint32_t number = 1;
  for (int file = 0; file < 6; ++file, ++number)
    add(make_segment({kRun, number}, {{file * 6.0, 2}, {file * 6.0 + 2, 1}, {file * 6.0 + 3, 3}}));
  const std::vector<int> gops = {0, 2, 3};  // in each six seconds
  base::SeededRandom random(7);
  for (int i = 0; i < 1000; ++i) {
    const double from = static_cast<double>(random.next() % 35'000) / 1000;
    const double to = from + 0.05 + static_cast<double>(random.next() % 10'000) / 1000;
    double gop = 0;
    for (int second = 0; second <= static_cast<int>(from); ++second) {
      if (std::ranges::find(gops, second % 6) != gops.end()) gop = second;
    }
    const auto movie = clip(from, to);
    ASSERT_TRUE(movie) << from << " " << to;
    expect_same(movie->samples(0), recorded(1, gop, to));
    expect_same(movie->samples(1), recorded(2, gop, std::min(36.0, std::ceil(to))));
    const auto samples = movie->samples(0);
    for (std::size_t n = 0; n < samples.size(); ++n)
      ASSERT_EQ(samples[n].dts, static_cast<std::int64_t>(6000 * n));
    ASSERT_TRUE(samples.front().is_sync);
  }
}

TEST_F(ClipTest, AnyPartOfItIsTheSameBytes) {
  for (std::uint32_t file = 1; file <= 7; ++file)
    add(make_segment({kRun, file}, {{file * 2.0, 2, 12'000}}));
  const auto body = make_clip(archive_, grant_, *plan(2, 16));
  const Bytes whole = *read(*body, 0, body->size_bytes());
  base::SeededRandom random(3);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t from = random.next() % whole.size();
    const std::uint64_t length =
        std::min<std::uint64_t>(1 + random.next() % 5000, whole.size() - from);
    const Bytes part = *read(*body, from, length);
    ASSERT_TRUE(std::ranges::equal(part, std::span(whole).subspan(from, length))) << from;
  }
}

TEST_F(ClipTest, GapsAreSkippedAndToldAndTracksStayInStep) {
  add(make_segment({kRun, 1}, {{0, 2}}));
  add(make_segment({media::RunId{17}, 1}, {{10.5, 2}}));
  const auto planned = plan(0, 100);
  ASSERT_TRUE(planned);
  EXPECT_THAT(planned->gaps, ElementsAre(TimeRange{at(2), at(10.5)}));
  EXPECT_EQ(planned->duration, seconds(4));
  const auto movie = clip(0, 100);
  EXPECT_EQ(movie->samples(0)[30].dts, 2 * 90'000) << "the picture behind the gap";
  EXPECT_EQ(movie->samples(1)[94].dts, 2 * 48'000) << "and the sound with it";
}

TEST_F(ClipTest, AFileThatCannotBeReadIsAGap) {
  for (std::uint32_t file = 1; file <= 3; ++file)
    add(make_segment({kRun, file}, {{file * 2.0, 2}}));
  archive_.damaged.insert({kRun, 2});
  const auto planned = plan(2, 8);
  ASSERT_TRUE(planned);
  EXPECT_THAT(planned->gaps, ElementsAre(TimeRange{at(4), at(6)}));
}

TEST_F(ClipTest, ARangeThatBeginsInAGapBeginsWithWhatIsThere) {
  add(make_segment({kRun, 1}, {{0, 2}, {5, 2}}));
  const auto movie = clip(3, 100);
  ASSERT_TRUE(movie);
  expect_same(movie->samples(0), recorded(1, 5, 7));
  EXPECT_THAT(movie->edits(0), ElementsAre(std::pair(2 * 90'000, 0)));
}

TEST_F(ClipTest, PicturesOutOfOrderKeepTheirPlace) {
  add(make_segment({kRun, 1}, {{0, 2, 12'000}}));
  const auto movie = clip(0.5, 2);
  ASSERT_TRUE(movie);
  EXPECT_EQ(movie->samples(0).front().composition, 12'000);
  EXPECT_THAT(movie->edits(0), ElementsAre(std::pair(135'000, 12'000 + 45'000)));
}

TEST_F(ClipTest, PicturesTornOffBeforeTheirTurnPushBackWhatFollows) {
  // A run ends after a picture that is shown two pictures later than the one before it.
  isobmff::TestSegment torn({isobmff::test_video()}, {kRun, 1});
  base::SeededRandom random(1);
  std::vector<isobmff::TestUnit> units;
  for (const std::uint32_t composition : {6'000U, 18'000U})
    units.push_back({.is_sync = units.empty(),
                     .composition_ticks = composition,
                     .payload = isobmff::random_bytes(random, 100)});
  media::FragmentEntry entry;
  entry.track = 1;
  entry.wall_start = kStart;
  entry.wall_duration = microseconds(133'333);
  torn.add(entry, units);
  torn.close();
  add(torn);
  add(make_segment({media::RunId{17}, 1}, {{5, 1, 6'000}}, {isobmff::test_video()}));
  const auto movie = clip(0, 100);
  ASSERT_TRUE(movie);
  const auto samples = movie->samples(0);
  const auto shown = [&](std::size_t i) { return samples[i].dts + samples[i].composition; };
  EXPECT_EQ(shown(1) - shown(0), 18'000);
  EXPECT_NEAR(static_cast<double>(shown(2) - shown(1)), 6'000, 1);
}

TEST_F(ClipTest, SoundAlone) {
  add(make_segment({kRun, 1}, {{0}, {1}}, {isobmff::test_audio()}));
  const auto movie = clip(0, 2);
  ASSERT_TRUE(movie);
  EXPECT_EQ(movie->tracks(), 1U);
  expect_same(movie->samples(0), recorded(2, 0, 2));
}

TEST_F(ClipTest, AChangeOfParametersIsRefusedWithTheRangesThatWork) {
  add(make_segment({kRun, 1}, {{0, 2}}));
  auto other = std::make_shared<media::TrackConfig>(*isobmff::test_video());
  other->decoder_config.back() ^= std::byte{1};
  add(make_segment({media::RunId{17}, 1}, {{2, 2}}, {other, isobmff::test_audio()}));
  const auto refused = clip(0, 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  ASSERT_THAT(conflict_.ranges, ElementsAre(TimeRange{at(0), at(2)}, TimeRange{at(2), at(4)}));
  for (const TimeRange range : ClipConflict(conflict_).ranges) {
    ClipConflict none;
    EXPECT_TRUE(plan_clip(archive_, grant_, range, none));
  }
}

TEST_F(ClipTest, WhatCannotBeIsSaidInWords) {
  add(make_segment({kRun, 1}, {{0, 2}}));
  EXPECT_EQ(plan(5, 5).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(plan(5, 4).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(plan(0, 86'401).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(plan(50, 60).error().code(), ErrorCode::kNotFound);
}

TEST_F(ClipTest, Ret01AFileDeletedOnTheWayEndsTheAnswerAndNothingElse) {
  for (std::uint32_t file = 1; file <= 8; ++file)
    add(make_segment({kRun, file}, {{file * 2.0, 2}}));
  const auto body = make_clip(archive_, grant_, *plan(2, 18));
  const Bytes whole = *read(*body, 0, body->size_bytes());
  const auto again = make_clip(archive_, grant_, *plan(2, 18));
  ASSERT_TRUE(read(*again, 0, 100));
  archive_.remove({kRun, 1});
  EXPECT_FALSE(read(*again, 0, again->size_bytes()));
  const std::uint64_t tail = whole.size() / 8;
  EXPECT_EQ(*read(*again, whole.size() - tail, tail),
            Bytes(whole.end() - static_cast<std::ptrdiff_t>(tail), whole.end()));
}

TEST_F(ClipTest, TheTagNamesTheContent) {
  add(make_segment({kRun, 1}, {{0, 2}, {2, 2}}));
  EXPECT_EQ(plan(0, 3)->etag, plan(0, 3)->etag);
  EXPECT_NE(plan(0, 3)->etag, plan(0, 2.9)->etag);
}

}  // namespace
}  // namespace longtake::playback
