#include "rtsp/rtcp.h"

#include <gtest/gtest.h>

#include "codec/test_hex.h"

namespace longtake::rtsp {
namespace {

using codec::hex;

TEST(Rtcp, ReadsASenderReportInACompound) {
  const auto report = parse_rtcp(hex(
      "80c80006 11223344 e0000000 80000000 00015f90 00000001 00000002 81ca0002 11223344 01016100"));
  ASSERT_TRUE(report.has_value());
  ASSERT_TRUE(report->sender.has_value());
  EXPECT_EQ(report->sender->ssrc, 0x11223344U);
  EXPECT_EQ(report->sender->ntp, 0xe0000000'80000000U);
  EXPECT_EQ(report->sender->rtp_time, 90'000U);
}

TEST(Rtcp, ReadsAGoodbye) {
  const auto report = parse_rtcp(hex("82cb0002 00000001 00000002"));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->goodbyes, (std::vector<std::uint32_t>{1, 2}));
}

TEST(Rtcp, Cam24_ReadsAsFarAsThePacketIsWhole) {
  EXPECT_FALSE(parse_rtcp({}).has_value());
  EXPECT_FALSE(parse_rtcp(hex("80c80006 11223344")).has_value());
  EXPECT_FALSE(parse_rtcp(hex("80600001 11223344")).has_value());
  const auto goodbye_with_too_many = parse_rtcp(hex("9fcb0001 00000001"));
  ASSERT_TRUE(goodbye_with_too_many.has_value());
  EXPECT_EQ(goodbye_with_too_many->goodbyes.size(), 1U);
}

TEST(Ntp, Cam20_IsWallTimeInBothEras) {
  EXPECT_EQ(to_string(*wall_time_of_ntp(std::uint64_t{2'208'988'800} << 32U)),
            "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_string(*wall_time_of_ntp(0xe0000000'80000000U)), "2019-02-02T11:39:44.500Z");
  // Era 1 begins on 2036-02-07.
  EXPECT_EQ(to_string(*wall_time_of_ntp(std::uint64_t{0x10} << 32U)), "2036-02-07T06:28:32.000Z");
}

TEST(Ntp, Cam20_OfZeroIsNoTime) { EXPECT_EQ(wall_time_of_ntp(0), std::nullopt); }

TEST(ReceiverReport, IsWrittenAsTheStandardHasIt) {
  const Bytes report = write_receiver_report({.our_ssrc = 1,
                                              .source_ssrc = 2,
                                              .lost = 0xffff'ffff,
                                              .extended_sequence = 0x1'0005,
                                              .last_sender_ntp_middle = 0x1234,
                                              .delay_since_65536th = 0x8000});
  EXPECT_EQ(report, hex("81c90007 00000001 00000002 007fffff 00010005 00000000 00001234 00008000"));
}

}  // namespace
}  // namespace longtake::rtsp
