#include "server/range.h"

#include <gtest/gtest.h>

#include <string>

namespace longtake::server {
namespace {

// The body has 1,000 bytes.
struct Case {
  std::string name;
  std::string header;
  RangeAnswer answer;
};

class Range : public testing::TestWithParam<Case> {};

TEST_P(Range, IsJudged) { EXPECT_EQ(judge_range(GetParam().header, 1000), GetParam().answer); }

RangeAnswer part(std::uint64_t first, std::uint64_t length) {
  return {.is_unsatisfiable = false, .range = ByteRange{first, length}};
}
RangeAnswer whole() { return {}; }
RangeAnswer refused() { return {.is_unsatisfiable = true, .range = {}}; }

INSTANTIATE_TEST_SUITE_P(
    Sec17, Range,
    testing::Values(Case{"FirstBytes", "bytes=0-99", part(0, 100)},
                    Case{"OneByte", "bytes=999-999", part(999, 1)},
                    Case{"ToTheEnd", "bytes=500-", part(500, 500)},
                    Case{"EndIsCut", "bytes=900-5000", part(900, 100)},
                    Case{"LastBytes", "bytes=-10", part(990, 10)},
                    Case{"SuffixLargerThanBody", "bytes=-5000", part(0, 1000)},
                    Case{"HugeSuffix", "bytes=-99999999999999999999999", part(0, 1000)},
                    Case{"BehindTheEnd", "bytes=1000-", refused()},
                    Case{"HugeStart", "bytes=99999999999999999999999-", refused()},
                    Case{"EmptySuffix", "bytes=-0", refused()},
                    Case{"Several", "bytes=0-1,2-3", whole()},
                    Case{"ThousandOverlapping", "bytes=0-,0-,0-,0-", whole()},
                    Case{"Backward", "bytes=5-2", whole()}, Case{"OtherUnit", "items=0-5", whole()},
                    Case{"NoDash", "bytes=5", whole()}, Case{"OnlyDash", "bytes=-", whole()},
                    Case{"Sign", "bytes=+1-2", whole()}, Case{"Space", "bytes= 1-2", whole()},
                    Case{"Empty", "", whole()}),
    [](const auto& one) { return one.param.name; });

TEST(RangeOfAnEmptyBody, IsUnsatisfiable) {
  EXPECT_EQ(judge_range("bytes=0-", 0), refused());
  EXPECT_EQ(judge_range("bytes=-5", 0), refused());
}

}  // namespace
}  // namespace longtake::server
