#include "codec/h264_nal.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace longtake::codec::h264 {
namespace {

Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(H264Nal, TellsTheFirstSliceOfAPictureFromTheOthers) {
  EXPECT_TRUE(starts_picture(bytes_of({0x65, 0x88})));
  EXPECT_FALSE(starts_picture(bytes_of({0x65, 0x02})));
  EXPECT_FALSE(starts_picture(bytes_of({0x65})));
}

TEST(H264Nal, CountsSlicesAndPartitionsAsPicture) {
  EXPECT_TRUE(is_vcl(kSlice));
  EXPECT_TRUE(is_vcl(kIdrSlice));
  EXPECT_FALSE(is_vcl(kSei));
  EXPECT_FALSE(is_vcl(0));
  EXPECT_EQ(nal_type(std::byte{0x67}), kSps);
}

// type 6, size 1: recovery_frame_cnt ue(0), exact_match 1, broken_link 0, changing_slice_group 00,
// then padding.
TEST(H264Nal, Cam16_FindsARecoveryPoint) {
  EXPECT_EQ(recovery_point(bytes_of({0x06, 0x06, 0x01, 0xc4, 0x80})), 0U);
}

TEST(H264Nal, Cam16_FindsARecoveryPointBehindAnotherMessage) {
  EXPECT_EQ(recovery_point(bytes_of({0x06, 0x05, 0x02, 0xaa, 0xbb, 0x06, 0x01, 0x24, 0x80})), 3U);
}

TEST(H264Nal, SeesNoRecoveryPointWhereThereIsNone) {
  EXPECT_EQ(recovery_point(bytes_of({0x06, 0x05, 0x02, 0xaa, 0xbb, 0x80})), std::nullopt);
  EXPECT_EQ(recovery_point(bytes_of({0x06})), std::nullopt);
  EXPECT_EQ(recovery_point({}), std::nullopt);
}

TEST(H264Nal, EndsOnAMessageLongerThanItsNalUnit) {
  EXPECT_EQ(recovery_point(bytes_of({0x06, 0x05, 0xff, 0xff, 0x10, 0x00})), std::nullopt);
}

TEST(H264Nal, EndsOnASizeThatNeverEnds) {
  EXPECT_EQ(recovery_point(Bytes(100'000, std::byte{0xff})), std::nullopt);
}

}  // namespace
}  // namespace longtake::codec::h264
