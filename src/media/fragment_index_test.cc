#include "media/fragment_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace longtake::media {
namespace {

using std::chrono::seconds;

WallTime at(int second) { return WallTime(seconds(1'767'225'600 + second)); }

TrackConfigPtr track(TrackId id, TrackKind kind) {
  TrackConfig config;
  config.track = id;
  config.kind = kind;
  return std::make_shared<const TrackConfig>(config);
}

FragmentEntry fragment(TrackId id, int start_second, int end_second) {
  FragmentEntry entry;
  entry.track = id;
  entry.wall_start = at(start_second);
  entry.wall_duration = seconds(end_second - start_second);
  return entry;
}

TEST(RecordingId, IsSixteenLowerCaseHexDigits) {
  EXPECT_EQ(to_string(RecordingId{0x1f}), "000000000000001f");
  EXPECT_EQ(recording_id_from("000000000000001f"), RecordingId{0x1f});
  EXPECT_EQ(recording_id_from("0000000000000000"), RecordingId{0});
  EXPECT_EQ(recording_id_from("ffffffffffffffff"), RecordingId{~0ULL});
}

TEST(RecordingId, RefusesEveryOtherForm) {
  for (const std::string_view text :
       {"", "1f", "000000000000001F", "00000000000000001f", "0x0000000000001f", "000000000000001g",
        " 00000000000001f", "-00000000000001f"}) {
    EXPECT_EQ(recording_id_from(text), std::nullopt) << text;
  }
}

TEST(SegmentId, IsTheRunInHexAndTheSequenceInDecimal) {
  EXPECT_EQ(to_string(SegmentId{RunId{0x5000003}, 12}), "5000003-12");
  EXPECT_EQ(segment_id_from("5000003-12"), (SegmentId{RunId{0x5000003}, 12}));
  EXPECT_EQ(segment_id_from("ffffffffffffffff-4294967295"),
            (SegmentId{RunId{~0ULL}, 4'294'967'295U}));
}

TEST(SegmentId, RefusesEveryOtherForm) {
  for (const std::string_view text :
       {"", "-", "5-", "-5", "5", "05-1", "5-01", "5-0", "A-1", "5-a", "5-1.mp4", "5--1", "5-+1",
        " 5-1", "5-1 ", "10000000000000000-1", "5-4294967296", "../5-1", "5-1-1"}) {
    EXPECT_EQ(segment_id_from(text), std::nullopt) << text;
  }
}

RC_GTEST_PROP(SegmentId, EveryIdSurvivesItsText, (std::uint64_t run, std::uint64_t recording)) {
  const SegmentId id{RunId{run}, *rc::gen::nonZero<std::uint32_t>()};
  RC_ASSERT(segment_id_from(to_string(id)) == id);
  RC_ASSERT(recording_id_from(to_string(RecordingId{recording})) == RecordingId{recording});
}

TEST(FragmentIndex, EndsAfterItsLastFragmentOrItsInit) {
  FragmentIndex index;
  index.init_bytes = 1200;
  EXPECT_EQ(index.end_bytes(), 1200U);
  FragmentEntry entry = fragment(1, 0, 1);
  entry.offset_bytes = 1200;
  entry.size_bytes = 300;
  index.fragments.push_back(entry);
  EXPECT_EQ(index.end_bytes(), 1500U);
}

TEST(FragmentIndex, VideoAloneDecidesWhatIsCovered) {
  FragmentIndex index;
  index.tracks = {track(1, TrackKind::kVideo), track(2, TrackKind::kAudio)};
  index.fragments = {fragment(1, 0, 1), fragment(2, 0, 9), fragment(1, 1, 2), fragment(1, 5, 6)};
  EXPECT_EQ(index.spans(), (std::vector<TimeRange>{{at(0), at(2)}, {at(5), at(6)}}));
}

TEST(FragmentIndex, AudioDecidesWhereThereIsNoVideoTrack) {
  FragmentIndex index;
  index.tracks = {track(2, TrackKind::kAudio)};
  index.fragments = {fragment(2, 0, 1), fragment(2, 1, 3)};
  EXPECT_EQ(index.spans(), (std::vector<TimeRange>{{at(0), at(3)}}));
}

TEST(FragmentIndex, AVideoTrackWithoutFragmentsLeavesAudioUncounted) {
  FragmentIndex index;
  index.tracks = {track(1, TrackKind::kVideo), track(2, TrackKind::kAudio)};
  index.fragments = {fragment(2, 0, 1)};
  EXPECT_TRUE(index.spans().empty());
}

TEST(FragmentIndex, ABridgeCoversTheJitterBeforeAFragment) {
  FragmentIndex index;
  index.tracks = {track(1, TrackKind::kVideo)};
  index.fragments = {fragment(1, 0, 1), fragment(1, 2, 3)};
  index.fragments[1].bridge = seconds(1);
  EXPECT_EQ(index.spans(), (std::vector<TimeRange>{{at(0), at(3)}}));
}

}  // namespace
}  // namespace longtake::media
