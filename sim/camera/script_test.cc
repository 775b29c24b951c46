#include "sim/camera/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Script, GivesEachCommandAtItsTime) {
  auto script =
      Script::parse("2s back freeze # later\n\n# nothing\n500ms front drop rst\n").value();
  EXPECT_EQ(script.next_due(), milliseconds(500));
  EXPECT_THAT(script.take_due(milliseconds(499)), ElementsAre());
  EXPECT_THAT(script.take_due(milliseconds(500)), ElementsAre("front drop rst"));
  EXPECT_THAT(script.take_due(milliseconds(5000)), ElementsAre("back freeze"));
  EXPECT_EQ(script.next_due(), std::nullopt);
}

TEST(Script, RepeatsACommandSoManyTimes) {
  auto script = Script::parse("every 2s times 2 front drop").value();
  EXPECT_THAT(script.take_due(milliseconds(1999)), ElementsAre());
  EXPECT_THAT(script.take_due(milliseconds(2000)), ElementsAre("front drop"));
  EXPECT_THAT(script.take_due(milliseconds(4000)), ElementsAre("front drop"));
  EXPECT_THAT(script.take_due(milliseconds(6000)), ElementsAre());
}

struct BadScript : testing::TestWithParam<const char*> {};

TEST_P(BadScript, NamesTheLine) {
  const auto script = Script::parse(std::string("1s front drop\n") + GetParam());
  ASSERT_FALSE(script);
  EXPECT_THAT(script.error().message(), HasSubstr("line 2"));
}

INSTANTIATE_TEST_SUITE_P(Script, BadScript,
                         testing::Values("front drop", "1s", "-1s front drop",
                                         "every 0s front drop", "every 2s",
                                         "every 2s times x front drop"));

}  // namespace
}  // namespace longtake::camsim
