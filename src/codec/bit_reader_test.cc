#include "codec/bit_reader.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace longtake::codec {
namespace {

Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(BitReader, ReadsBitsAcrossBytesMostSignificantFirst) {
  const Bytes bytes = bytes_of({0b1010'0101, 0b1100'0011});
  BitReader reader(bytes);
  EXPECT_EQ(reader.bits(3), 0b101U);
  EXPECT_EQ(reader.bits(7), 0b0'0101'11U);
  EXPECT_EQ(reader.bits(6), 0b00'0011U);
  EXPECT_FALSE(reader.has_failed());
  EXPECT_EQ(reader.position_bits(), 16U);
}

TEST(BitReader, ReadsThirtyTwoBitsAtOnce) {
  const Bytes bytes = bytes_of({0x12, 0x34, 0x56, 0x78});
  EXPECT_EQ(BitReader(bytes).bits(32), 0x12345678U);
}

TEST(BitReader, FailsPastTheEndAndStaysFailed) {
  const Bytes bytes = bytes_of({0xff});
  BitReader reader(bytes);
  EXPECT_EQ(reader.bits(9), 0U);
  EXPECT_TRUE(reader.has_failed());
  EXPECT_EQ(reader.bits(1), 0U);
}

TEST(BitReader, LeavesOutEmulationPrevention) {
  const Bytes bytes = bytes_of({0x00, 0x00, 0x03, 0x01, 0x03});
  BitReader reader(bytes, Emulation::kPrevented);
  EXPECT_EQ(reader.bits(24), 0x000001U);
  EXPECT_EQ(reader.bits(8), 0x03U);
}

TEST(BitReader, KeepsAThreeThatFollowsFewerZeros) {
  const Bytes bytes = bytes_of({0x00, 0x03, 0x00, 0x00, 0x03});
  BitReader reader(bytes, Emulation::kNone);
  reader.skip(32);
  EXPECT_EQ(reader.bits(8), 3U);
}

TEST(BitReader, FailsWhenOnlyAnEmulationByteIsLeft) {
  const Bytes bytes = bytes_of({0x00, 0x00, 0x03});
  BitReader reader(bytes, Emulation::kPrevented);
  reader.skip(16);
  reader.flag();
  EXPECT_TRUE(reader.has_failed());
}

struct GolombCase {
  unsigned bits;  // left-aligned in one byte
  std::uint32_t value;
  std::int32_t signed_value;
};

class ExpGolomb : public testing::TestWithParam<GolombCase> {};

// Table 9-2 and 9-3 of ITU-T H.264.
TEST_P(ExpGolomb, MatchesTheTableOfTheStandard) {
  const Bytes bytes = bytes_of({GetParam().bits});
  EXPECT_EQ(BitReader(bytes).unsigned_exp_golomb(), GetParam().value);
  EXPECT_EQ(BitReader(bytes).signed_exp_golomb(), GetParam().signed_value);
}

INSTANTIATE_TEST_SUITE_P(
    H264, ExpGolomb,
    testing::Values(GolombCase{0b1000'0000, 0, 0}, GolombCase{0b0100'0000, 1, 1},
                    GolombCase{0b0110'0000, 2, -1}, GolombCase{0b0010'0000, 3, 2},
                    GolombCase{0b0010'1000, 4, -2}, GolombCase{0b0011'1000, 6, -3}));

TEST(BitReader, ReadsTheLargestExpGolombCode) {
  // 31 zeros, a one, 31 ones: 2^32 - 2.
  const Bytes bytes = bytes_of({0x00, 0x00, 0x00, 0x01, 0xff, 0xff, 0xff, 0xfe});
  EXPECT_EQ(BitReader(bytes).unsigned_exp_golomb(), 0xfffffffeU);
}

TEST(BitReader, RefusesAnExpGolombCodeOfMoreThan32Bits) {
  const Bytes bytes = bytes_of({0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff});
  BitReader reader(bytes);
  EXPECT_EQ(reader.unsigned_exp_golomb(), 0U);
  EXPECT_TRUE(reader.has_failed());
}

}  // namespace
}  // namespace longtake::codec
