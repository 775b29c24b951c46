#include "codec/aac_config.h"

#include <gtest/gtest.h>

#include <string_view>

#include "codec/test_hex.h"

namespace longtake::codec::aac {
namespace {

struct AacCase {
  std::string_view name;
  std::string_view hex;
  std::uint32_t rate;
  std::uint32_t core_rate;
  std::uint32_t channels;
  std::uint32_t frame_samples;
  std::string_view codec;
};

constexpr AacCase kCases[] = {
    {"Lc8kMono", "1588", 8'000, 8'000, 1, 1024, "mp4a.40.2"},
    {"Lc44kStereo", "1210", 44'100, 44'100, 2, 1024, "mp4a.40.2"},
    {"Lc16kMono", "1408", 16'000, 16'000, 1, 1024, "mp4a.40.2"},
    {"Lc48kStereo960", "1194", 48'000, 48'000, 2, 960, "mp4a.40.2"},
    // SBR over 22,050 Hz AAC-LC.
    {"ExplicitSbr", "2b920800", 44'100, 22'050, 2, 1024, "mp4a.40.5"},
    // A sample rate written out in 24 bits: 12,345 Hz.
    {"EscapedRate", "1780181c8800", 12'345, 12'345, 1, 1024, "mp4a.40.2"},
};

class AacTable : public testing::TestWithParam<AacCase> {};

TEST_P(AacTable, IsReadAsTheStandardSays) {
  const auto config = parse_audio_config(hex(GetParam().hex));
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->sample_rate_hz, GetParam().rate);
  EXPECT_EQ(config->core_sample_rate_hz, GetParam().core_rate);
  EXPECT_EQ(config->channels, GetParam().channels);
  EXPECT_EQ(config->frame_samples, GetParam().frame_samples);
  EXPECT_EQ(codec_string(*config), GetParam().codec);
}

INSTANTIATE_TEST_SUITE_P(AudioSpecificConfig, AacTable, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(AudioSpecificConfig, RefusesWhatIsCutOffOrReserved) {
  EXPECT_FALSE(parse_audio_config({}).has_value());
  EXPECT_FALSE(parse_audio_config(hex("12")).has_value());
  EXPECT_FALSE(parse_audio_config(hex("1690")).has_value());            // rate index 13
  EXPECT_FALSE(parse_audio_config(hex("1278")).has_value());            // channel configuration 15
  EXPECT_FALSE(parse_audio_config(hex("0210")).has_value());            // object type 0
  EXPECT_FALSE(parse_audio_config(hex("17800000080000")).has_value());  // 0 Hz
}

TEST(AudioSpecificConfig, IsMadeForCamerasThatLeaveItOut) {
  EXPECT_EQ(make_lc_config(44'100, 2), hex("1210"));
  EXPECT_EQ(make_lc_config(8'000, 1), hex("1588"));
  EXPECT_FALSE(make_lc_config(12'345, 1).has_value());
  EXPECT_FALSE(make_lc_config(48'000, 0).has_value());
}

}  // namespace
}  // namespace longtake::codec::aac
