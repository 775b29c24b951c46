#include "playback/media_segment.h"

#include <gtest/gtest.h>

#include "isobmff/box.h"
#include "isobmff/record.h"
#include "playback/test_archive.h"

namespace longtake::playback {
namespace {

constexpr media::RunId kRun{16};

Bytes all_of(Body& body) {
  Bytes bytes;
  while (bytes.size() < body.size_bytes()) {
    const auto slice = body.slice_at(bytes.size());
    if (!slice) break;
    Bytes piece(length_of(*slice));
    if (const auto* memory = std::get_if<MemorySlice>(&*slice)) {
      std::copy_n(memory->bytes->begin() + static_cast<std::ptrdiff_t>(memory->offset_bytes),
                  piece.size(), piece.begin());
    } else {
      const auto& part = std::get<FileSlice>(*slice);
      EXPECT_EQ(part.file->read_at(part.offset_bytes, piece).value_or(0), piece.size());
    }
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return bytes;
}

class MediaSegmentTest : public testing::Test {
 protected:
  Result<Bytes> get(media::TrackId track, double from_s, double to_s, media::RunId run = kRun) {
    const auto at = [](double s) {
      return kStart + microseconds(static_cast<std::int64_t>(s * 1e6));
    };
    LT_ASSIGN(const auto body,
              make_media_segment(archive_, cache_, grant_, {run, track, {at(from_s), at(to_s)}}));
    return all_of(*body);
  }
  /// The decode times of its fragments, in ticks from kStart.
  static std::vector<std::int64_t> decode_times(const Bytes& bytes, std::uint32_t timescale_hz) {
    std::vector<std::int64_t> times;
    const auto boxes = isobmff::parse_boxes(bytes);
    EXPECT_TRUE(boxes);
    for (const isobmff::Box& box : *boxes) {
      if (box.type != isobmff::four_cc("moof")) {
        EXPECT_EQ(box.type, isobmff::four_cc("mdat")) << "records stay behind";
        continue;
      }
      const auto inner = isobmff::parse_boxes(box.payload);
      const auto traf = isobmff::parse_children(*inner, isobmff::four_cc("traf"));
      const auto tfdt = isobmff::require_box(*traf, isobmff::four_cc("tfdt"));
      Cursor cursor(tfdt->payload.subspan(4));
      times.push_back(static_cast<std::int64_t>(*cursor.u64()) - utc_ticks(kStart, timescale_hz));
    }
    return times;
  }

  TestArchive archive_;
  IndexCache cache_{archive_};
  media::ReadGrant grant_ = testing_support::GrantForTests::of("front");
};

TEST_F(MediaSegmentTest, DecodeTimesAreUtcInEveryFile) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  archive_.add(make_segment({kRun, 2}, {{2}, {3}}));
  EXPECT_EQ(decode_times(*get(1, 0, 4), 90'000),
            (std::vector<std::int64_t>{0, 90'000, 180'000, 270'000}));
  EXPECT_EQ(decode_times(*get(2, 0, 4), 48'000),
            (std::vector<std::int64_t>{0, 48'000, 96'000, 144'000}));
}

TEST_F(MediaSegmentTest, PicturesThatAreShownLaterAreDecodedEarlier) {
  archive_.add(make_segment({kRun, 1}, {{0, 1, 12'000}}));
  EXPECT_EQ(decode_times(*get(1, 0, 1), 90'000), (std::vector<std::int64_t>{-12'000}));
}

TEST_F(MediaSegmentTest, AGopsDelayHoldsForAllItsFragments) {
  // Its second fragment begins with a picture that is shown at once, as one between references does.
  isobmff::TestSegment segment = make_segment({kRun, 1}, {{0, 2, 6'000}});
  media::FragmentIndex index = segment.index();
  for (media::FragmentEntry& entry : index.fragments) {
    if (entry.track == 1 && !entry.is_sync) entry.composition_ticks = 0;
  }
  archive_.add(segment);
  archive_.indexes[{kRun, 1}] = std::make_shared<const media::FragmentIndex>(index);
  EXPECT_EQ(decode_times(*get(1, 0, 2), 90'000), (std::vector<std::int64_t>{-6'000, 84'000}));
}

TEST_F(MediaSegmentTest, PayloadsAreTheFilesBytes) {
  const isobmff::TestSegment segment = make_segment({kRun, 1}, {{0}});
  archive_.add(segment);
  const Bytes got = *get(1, 0, 1);
  const media::FragmentEntry& entry = segment.index().fragments.front();
  const auto payload =
      std::span(segment.file())
          .subspan(entry.offset_bytes + entry.head_bytes, entry.size_bytes - entry.head_bytes);
  ASSERT_EQ(got.size(), entry.size_bytes - entry.record_bytes);
  EXPECT_TRUE(std::ranges::equal(payload, std::span(got).last(payload.size())));
}

TEST_F(MediaSegmentTest, ANotWholeGopIsNotServed) {
  archive_.add(make_segment({kRun, 1}, {{0, 3}}));
  EXPECT_EQ(get(1, 1, 3).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(get(1, 0.5, 3).error().code(), ErrorCode::kNotFound);
}

TEST_F(MediaSegmentTest, AnotherRunsAddressLeadsNowhere) {
  archive_.add(make_segment({kRun, 1}, {{0}}));
  EXPECT_EQ(get(1, 0, 1, media::RunId{99}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(get(7, 0, 1).error().code(), ErrorCode::kNotFound);
}

TEST_F(MediaSegmentTest, Ret01DeletedMediaIsNotFoundAndOpenedMediaIsWhole) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  const auto before = get(1, 0, 2);
  const auto body =
      make_media_segment(archive_, cache_, grant_, {kRun, 1, {kStart, kStart + seconds(2)}});
  ASSERT_TRUE(before && body);
  archive_.remove({kRun, 1});
  EXPECT_EQ(all_of(**body), *before) << "its file stays open";
  EXPECT_EQ(get(1, 0, 2).error().code(), ErrorCode::kNotFound);
}

TEST(MediaAddress, ReadsWhatPlaylistsWrite) {
  const auto address = MediaAddress::from("16", "1", "1769860800000000-1769860803000000");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->run, kRun);
  EXPECT_EQ(address->range.length(), seconds(3));
}

TEST(MediaAddress, RefusesAnythingElse) {
  for (const auto& [run, track, range] :
       std::vector<std::array<const char*, 3>>{{"", "1", "0-1"},
                                               {"x", "1", "0-1"},
                                               {"16", "256", "0-1"},
                                               {"16", "-1", "0-1"},
                                               {"16", "1", "0"},
                                               {"16", "1", "1-0"},
                                               {"16", "1", "1-1"},
                                               {"16", "1", "-1-1"},
                                               {"16", "1", "0-99999999999999999999"},
                                               {"16", "1", "0-9007199254740993"},
                                               {"+16", "1", "0-1"},
                                               {"16", "1", "0-1 "}}) {
    EXPECT_FALSE(MediaAddress::from(run, track, range)) << run << " " << track << " " << range;
  }
}

TEST(UtcTicks, AreNearest) {
  EXPECT_EQ(utc_ticks(WallTime(microseconds(1'000'006)), 90'000), 90'001);
  EXPECT_EQ(utc_ticks(WallTime(microseconds(1'000'005)), 90'000), 90'000);
}

TEST(DecodeTime, IsNotSetInWhatIsNoMoof) {
  Bytes zeros(64);
  EXPECT_FALSE(set_decode_time(zeros, 1));
  EXPECT_FALSE(set_decode_time({}, 1));
}

TEST(SliceList, GivesEachByteOnceFromAnyOffset) {
  SliceList list;
  list.append(Bytes(3, std::byte{1}));
  list.append(Bytes());
  list.append(Bytes(2, std::byte{2}));
  ASSERT_EQ(list.size_bytes(), 5U);
  for (std::uint64_t at = 0; at < 5; ++at) {
    const auto slice = list.slice_at(at);
    EXPECT_EQ(length_of(*slice), at < 3 ? 3 - at : 5 - at);
  }
}

}  // namespace
}  // namespace longtake::playback
