#include "sim/camera/command_words.h"

#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

TEST(CommandWords, AByteWrittenInHexBecomesThatByteAndTheRestStays) {
  EXPECT_EQ(unescape(R"(a\x1b[2J\x0d\x0a\xFFz)"), "a\x1b[2J\r\n\xFFz");
  EXPECT_EQ(unescape(R"(\x1 \xzz \n \x4)"), R"(\x1 \xzz \n \x4)");
  EXPECT_EQ(unescape(""), "");
}

}  // namespace
}  // namespace longtake::camsim
