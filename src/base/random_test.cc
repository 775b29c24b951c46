#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace longtake::base {
namespace {

TEST(Random, OneSeedIsOneSequence) {
  SeededRandom first(7);
  SeededRandom second(7);
  SeededRandom other(8);
  const std::uint64_t value = first.next();
  EXPECT_EQ(second.next(), value);
  EXPECT_NE(other.next(), value);
}

TEST(Random, HexHasTheDigitsAskedFor) {
  SeededRandom random(1);
  EXPECT_EQ(random.hex(0), "");
  for (const int digits : {1, 8, 16}) {
    const std::string hex = random.hex(digits);
    EXPECT_EQ(hex.size(), static_cast<std::size_t>(digits));
    EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
}

TEST(Random, TheKernelsDoesNotRepeatItself) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1'000U);
}

}  // namespace
}  // namespace longtake::base
