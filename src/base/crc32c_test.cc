#include "base/crc32c.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"

namespace longtake::base {
namespace {

Bytes random_bytes(std::size_t count) {
  SeededRandom random(count);
  Bytes out(count);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.below(256));
  return out;
}

// RFC 3720 §B.4, and the check value of the catalogue of CRC algorithms.
TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0x00})), 0x8a9136aaU);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xff})), 0x62a8ab43U);
  Bytes rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<std::byte>(i));
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
}

TEST(Crc32c, OfNothingIsZeroAndLeavesASeedAsItIs) {
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c({}, 0x12345678U), 0x12345678U);
}

// Lengths around the three interleaved blocks of 1024 bytes, and starts that are not aligned.
TEST(Crc32c, TheInstructionAgreesWithTheTablesAtEveryLengthAndStart) {
  const Bytes bytes = random_bytes(10'000);
  for (const std::size_t length :
       {0U, 1U, 7U, 8U, 9U, 1'023U, 3'071U, 3'072U, 3'073U, 6'144U, 9'990U}) {
    for (std::size_t start = 0; start < 9; ++start) {
      const ByteSpan part = ByteSpan(bytes).subspan(start, length);
      EXPECT_EQ(crc32c(part, 42), crc32c_portable(part, 42)) << length << " from " << start;
    }
  }
}

RC_GTEST_PROP(Crc32c, GoesOnFromASeedWhereverTheBytesAreCut, (std::uint16_t cut)) {
  const Bytes bytes = random_bytes(8'000);
  const std::size_t at = cut % (bytes.size() + 1);
  const auto first = crc32c(ByteSpan(bytes).first(at));
  RC_ASSERT(crc32c(ByteSpan(bytes).subspan(at), first) == crc32c(bytes));
}

TEST(Crc32c, NoticesEverySingleFlippedBit) {
  Bytes bytes = random_bytes(64);
  const std::uint32_t good = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    bytes[bit / 8] ^= mask;
    EXPECT_NE(crc32c(bytes), good) << bit;
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace
}  // namespace longtake::base
