#include "codec/h264_config.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "codec/test_hex.h"

namespace longtake::codec::h264 {
namespace {

const Bytes kHighSps = hex("67640028acd940780227e5c044000003000400000300783c60c658");
const Bytes kHighPps = hex("68ebe3cb22c0");
const Bytes kBaselineSps = hex("6742c016d900a02ff970110000030001000003001e0f162e48");
const Bytes kBaselinePps = hex("68cb83cb20");

TEST(H264ParameterSets, AreCompleteWithOneOfEachKind) {
  ParameterSets sets;
  EXPECT_FALSE(sets.is_complete());
  EXPECT_EQ(sets.add_pps(kHighPps), ParameterSets::Change::kChanged);
  EXPECT_FALSE(sets.is_complete());
  EXPECT_EQ(sets.add_sps(kHighSps), ParameterSets::Change::kChanged);
  EXPECT_TRUE(sets.is_complete());
}

TEST(H264ParameterSets, DescribeTheTrack) {
  ParameterSets sets;
  sets.add_sps(kHighSps);
  sets.add_pps(kHighPps);
  const auto config = sets.track_config(1, 90'000);
  EXPECT_EQ(config->codec_string, "avc1.640028");
  EXPECT_EQ(config->width, 1920U);
  EXPECT_EQ(config->height, 1080U);
  EXPECT_EQ(config->reorder_depth, 2U);
  EXPECT_EQ(config->decoder_config,
            hex("01640028 ff e1 001b 67640028acd940780227e5c044000003000400000300783c60c658"
                "01 0006 68ebe3cb22c0 fd f8 f8 00"));
}

TEST(H264ParameterSets, LeaveOutTheHighFieldsInBaseline) {
  ParameterSets sets;
  sets.add_sps(kBaselineSps);
  sets.add_pps(kBaselinePps);
  EXPECT_EQ(sets.decoder_config(),
            hex("0142c016 ff e1 0019 6742c016d900a02ff970110000030001000003001e0f162e48"
                "01 0005 68cb83cb20"));
}

TEST(H264ParameterSets, Cam14_SeeARepetitionAsNoChange) {
  ParameterSets sets;
  sets.add_sps(kHighSps);
  sets.add_pps(kHighPps);
  EXPECT_EQ(sets.add_sps(kHighSps), ParameterSets::Change::kNone);
  EXPECT_EQ(sets.add_pps(kHighPps), ParameterSets::Change::kNone);
}

TEST(H264ParameterSets, Cam14_ReplaceASetOfTheSameId) {
  ParameterSets sets;
  sets.add_sps(kHighSps);
  sets.add_pps(kHighPps);
  EXPECT_EQ(sets.add_sps(kBaselineSps), ParameterSets::Change::kChanged);
  EXPECT_EQ(sets.add_pps(kBaselinePps), ParameterSets::Change::kChanged);
  EXPECT_EQ(sets.track_config(1, 90'000)->width, 640U);
  EXPECT_EQ(sets.decoder_config().size(),
            6 + 2 + kBaselineSps.size() + 1 + 2 + kBaselinePps.size());
}

TEST(H264ParameterSets, RefuseWhatCannotBeRead) {
  ParameterSets sets;
  EXPECT_EQ(sets.add_sps(hex("6764")), ParameterSets::Change::kRefused);
  EXPECT_EQ(sets.add_pps(hex("68")), ParameterSets::Change::kRefused);
  EXPECT_FALSE(sets.is_complete());
}

// A PPS of the given size in all, with id 0 (first bit one).
Bytes pps_of(std::size_t size) {
  Bytes out(size, std::byte{0xff});
  out[0] = std::byte{0x68};
  return out;
}

TEST(H264ParameterSets, HoldAtMostTheLimitOfBytes) {
  ParameterSets sets;
  sets.add_sps(kBaselineSps);
  const std::size_t room = limits::kParameterSetBytes - kBaselineSps.size();
  EXPECT_EQ(sets.add_pps(pps_of(room + 1)), ParameterSets::Change::kRefused);
  EXPECT_EQ(sets.add_pps(pps_of(room)), ParameterSets::Change::kChanged);
  EXPECT_EQ(sets.add_pps(pps_of(room - 1)), ParameterSets::Change::kChanged);
}

}  // namespace
}  // namespace longtake::codec::h264
