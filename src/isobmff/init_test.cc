#include "isobmff/init.h"

#include <gtest/gtest.h>

#include "isobmff/box.h"
#include "isobmff/format.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {
namespace {

using media::TrackConfig;
using media::TrackConfigPtr;

TrackConfigPtr changed(const TrackConfigPtr& track, auto change) {
  TrackConfig copy = *track;
  change(copy);
  return std::make_shared<const TrackConfig>(std::move(copy));
}

TEST(InitSegment, ReadsBackAsTheTracksItWasMadeOf) {
  const std::vector<TrackConfigPtr> tracks = {test_video(), test_audio()};
  const Bytes bytes = make_init(tracks).value();
  const Init init = parse_init(bytes).value();
  EXPECT_EQ(init.bytes, bytes.size());
  ASSERT_EQ(init.tracks.size(), 2u);
  EXPECT_EQ(*init.tracks[0], *tracks[0]);
  EXPECT_EQ(*init.tracks[1], *tracks[1]);
}

TEST(InitSegment, IsTheSameBytesForTheSameTracks) {
  const std::vector<TrackConfigPtr> tracks = {test_video(), test_audio()};
  EXPECT_EQ(make_init(tracks).value(), make_init(tracks).value());
}

TEST(InitSegment, TellsASampleRateThatItsFieldCannotHoldFromTheDecoderConfiguration) {
  // AAC LC, index 0: 96 kHz.
  const std::vector<TrackConfigPtr> tracks = {changed(test_audio(), [](TrackConfig& track) {
    track.sample_rate_hz = track.timescale_hz = 96'000;
    track.decoder_config = {std::byte{0x10}, std::byte{0x10}};
  })};
  EXPECT_EQ(parse_init(make_init(tracks).value()).value().tracks.front()->sample_rate_hz, 96'000u);
}

TEST(InitSegment, HoldsADecoderConfigurationOfSeveralKilobytes) {
  const std::vector<TrackConfigPtr> tracks = {
      changed(test_audio(), [](TrackConfig& track) { track.decoder_config.resize(20'000); })};
  const Bytes bytes = make_init(tracks).value();
  EXPECT_EQ(parse_init(bytes).value().tracks.front()->decoder_config,
            tracks.front()->decoder_config);
}

TEST(InitSegment, IsReadWhateverFollowsIt) {
  const std::vector<TrackConfigPtr> tracks = {test_video()};
  Bytes bytes = make_init(tracks).value();
  const std::size_t size = bytes.size();
  bytes.resize(size + 1000, std::byte{0xee});
  EXPECT_EQ(parse_init(bytes).value().bytes, size);
  EXPECT_EQ(init_size(bytes).value(), size);
}

// Rule 4 begins with the first record: wherever moov ends, a record fits behind it.
TEST(InitSegment, Rule4_EndsWhereARecordFitsInThePage) {
  for (std::size_t config_bytes = 7; config_bytes < 2 * kPageBytes; ++config_bytes) {
    const std::vector<TrackConfigPtr> tracks = {
        changed(test_video(),
                [config_bytes](TrackConfig& track) { track.decoder_config.resize(config_bytes); })};
    const std::size_t size = make_init(tracks).value().size();
    ASSERT_EQ(size / kPageBytes, (size + kMinRecordBytes - 1) / kPageBytes) << config_bytes;
  }
}

struct RefusedTracks {
  std::string_view name;
  std::vector<TrackConfigPtr> tracks;
};
class RefusedInit : public testing::TestWithParam<RefusedTracks> {};
TEST_P(RefusedInit, IsInvalidArgument) {
  const auto init = make_init(GetParam().tracks);
  ASSERT_FALSE(init.has_value());
  EXPECT_EQ(init.error().code(), ErrorCode::kInvalidArgument);
}
INSTANTIATE_TEST_SUITE_P(
    InitSegment, RefusedInit,
    testing::Values(
        RefusedTracks{"NoTrack", {}}, RefusedTracks{"OneIdTwice", {test_video(), test_video()}},
        RefusedTracks{"Id0", {changed(test_video(), [](TrackConfig& track) { track.track = 0; })}},
        RefusedTracks{"Timescale0",
                      {changed(test_video(), [](TrackConfig& track) { track.timescale_hz = 0; })}},
        RefusedTracks{
            "NoConfiguration",
            {changed(test_video(), [](TrackConfig& track) { track.decoder_config.clear(); })}},
        RefusedTracks{"WiderThan65535",
                      {changed(test_video(), [](TrackConfig& track) { track.width = 65'536; })}},
        RefusedTracks{"VideoCodecOnAudio",
                      {changed(test_video(),
                               [](TrackConfig& track) { track.kind = media::TrackKind::kAudio; })}},
        RefusedTracks{"HugeConfiguration",
                      {changed(test_video(),
                               [](TrackConfig& track) { track.decoder_config.resize(200'000); })}},
        RefusedTracks{"TooManyTracks", std::vector<TrackConfigPtr>(17, test_video())}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(InitSegment, CutAtAnyByteIsDataLoss) {
  const std::vector<TrackConfigPtr> tracks = {test_video(), test_audio()};
  const Bytes bytes = make_init(tracks).value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto init = parse_init(ByteSpan(bytes).first(size));
    ASSERT_FALSE(init.has_value()) << size;
    ASSERT_EQ(init.error().code(), ErrorCode::kDataLoss) << size;
  }
}

TEST(InitSegment, OfACodecOfALaterVersionIsNotDamageButAPreconditionThatFails) {
  const std::vector<TrackConfigPtr> tracks = {test_video()};
  Bytes bytes = make_init(tracks).value();
  const auto at = as_text(bytes).find("avc1");
  ASSERT_NE(at, std::string_view::npos);
  ByteWriter(bytes).patch_u32(at, four_cc("hvc1"));
  const auto init = parse_init(bytes);
  ASSERT_FALSE(init.has_value());
  EXPECT_EQ(init.error().code(), ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace longtake::isobmff
