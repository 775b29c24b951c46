#include "codec/h264_sps.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>

#include "codec/test_hex.h"

namespace longtake::codec::h264 {
namespace {

// Parameter sets written by x264 and by cameras; the figures are ffprobe's.
struct SpsCase {
  std::string_view name;
  std::string_view hex;
  std::uint32_t width;
  std::uint32_t height;
  std::optional<std::uint32_t> reorder;
  std::uint32_t poc_type;
  bool forbids_reordering;
};

constexpr SpsCase kCases[] = {
    {"Baseline1080p", "6742c028d900780227e5c044000003000400000300783c60c920", 1920, 1080, 0, 2,
     true},
    {"Main1080p", "674d4028eca03c0113f2e0220000030002000003003c1e30632c", 1920, 1080, 2, 0, false},
    {"High1080pPyramid", "67640028acd940780227e5c044000003000400000300783c60c658", 1920, 1080, 2, 0,
     false},
    {"HighNoB", "67640016acb201405ff2e0220000030002000003003c1e2c5c90", 640, 360, 0, 2, true},
    {"OddSize444", "67f4000c919b282a10f084218088000003000800000300f078a14cb0", 321, 241, 2, 0,
     false},
    {"Interlaced576i", "6764001eacd940b424d8088000000300800000190f8a14cb", 720, 576, 2, 0, false},
    // A camera's: no VUI at all, POC type 0.
    {"WithoutVui", "674d001f9a6402802dff", 1280, 720, std::nullopt, 0, false},
};

class SpsTable : public testing::TestWithParam<SpsCase> {};

TEST_P(SpsTable, Cam17_IsReadAsFfprobeReadsIt) {
  const auto sps = parse_sps(hex(GetParam().hex));
  ASSERT_TRUE(sps.has_value()) << sps.error().message();
  EXPECT_EQ(sps->width, GetParam().width);
  EXPECT_EQ(sps->height, GetParam().height);
  EXPECT_EQ(sps->max_num_reorder_frames, GetParam().reorder);
  EXPECT_EQ(sps->poc_type, GetParam().poc_type);
  EXPECT_EQ(sps->forbids_reordering(), GetParam().forbids_reordering);
}

INSTANTIATE_TEST_SUITE_P(H264, SpsTable, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Sps, RefusesEveryCutOffPrefixBeforeTheVui) {
  const Bytes whole = hex("67640028acd940780227e5c0");
  for (std::size_t size = 0; size < 9; ++size) {
    EXPECT_FALSE(parse_sps(ByteSpan(whole).first(size)).has_value()) << size;
  }
}

TEST(Sps, RefusesAnotherNalUnit) { EXPECT_FALSE(parse_sps(hex("68ebe3cb22c0")).has_value()); }

TEST(Sps, RefusesASizeBeyondTheStandard) {
  // Baseline, id 0, POC type 2, pic_width_in_mbs_minus1 = 65,534.
  EXPECT_FALSE(parse_sps(hex("6742c028dc0000ffff0000ffff80")).has_value());
}

TEST(Sps, KeepsItsSizeWhateverBytesFollow) {
  EXPECT_TRUE(rc::check("any bytes are either refused or have a size in range", [] {
    auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    Bytes nal{std::byte{0x67}};
    for (const std::uint8_t byte : bytes) nal.push_back(std::byte{byte});
    const auto sps = parse_sps(nal);
    if (!sps) return;
    RC_ASSERT(sps->width >= 1U && sps->width <= 16'384U);
    RC_ASSERT(sps->height >= 1U && sps->height <= 16'384U);
  }));
}

}  // namespace
}  // namespace longtake::codec::h264
