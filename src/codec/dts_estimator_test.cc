#include "codec/dts_estimator.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <vector>

namespace longtake::codec {
namespace {

constexpr std::int64_t kFrame = 6000;  // 15 pictures a second at 90 kHz

std::vector<DtsEstimator::Times> times_of(DtsEstimator& estimator,
                                          const std::vector<std::int64_t>& pts) {
  std::vector<DtsEstimator::Times> out;
  out.reserve(pts.size());
  for (const std::int64_t one : pts) out.push_back(estimator.next(one));
  return out;
}

/// PTS in decode order of a stream with `b` B pictures between references, `gops` times.
std::vector<std::int64_t> decode_order(int b, int gops) {
  std::vector<std::int64_t> out;
  for (int i = 0; i < gops; ++i) {
    const std::int64_t reference = std::int64_t{i} * (b + 1);
    out.push_back(reference * kFrame);
    for (int j = b; i > 0 && j >= 1; --j) out.push_back((reference - j) * kFrame);
  }
  return out;
}

TEST(DtsEstimator, GivesPtsWhereThereIsNoReordering) {
  DtsEstimator estimator(90'000);
  for (const auto& times : times_of(estimator, {0, kFrame, 2 * kFrame, 3 * kFrame})) {
    EXPECT_EQ(times.dts, times.pts);
  }
}

TEST(DtsEstimator, Cam17_LagsByTheDeclaredDepth) {
  DtsEstimator estimator(90'000);
  estimator.expect_reordering(1);
  const auto times =
      times_of(estimator, {0, 3 * kFrame, kFrame, 2 * kFrame, 6 * kFrame, 4 * kFrame, 5 * kFrame});
  EXPECT_EQ(times[1].dts, 0);
  EXPECT_EQ(times[2].dts, kFrame);
  EXPECT_EQ(times[3].dts, 2 * kFrame);
  EXPECT_EQ(times[4].dts, 3 * kFrame);
  EXPECT_EQ(times[6].dts, 5 * kFrame);
  EXPECT_EQ(estimator.adjusted(), 0U);
}

TEST(DtsEstimator, Cam17_LearnsADepthThatNobodyDeclared) {
  DtsEstimator estimator(90'000);
  const auto pts = decode_order(2, 10);
  const auto times = times_of(estimator, pts);
  EXPECT_EQ(estimator.depth(), 1U);
  for (std::size_t i = 6; i < pts.size(); ++i) EXPECT_EQ(times[i].pts, pts[i]) << i;
  EXPECT_LE(estimator.adjusted(), 2U);
}

TEST(DtsEstimator, LearnsNothingWhereReorderingIsForbidden) {
  DtsEstimator estimator(90'000);
  estimator.forbid_reordering();
  times_of(estimator, {0, kFrame, kFrame - 90, 2 * kFrame});
  EXPECT_EQ(estimator.depth(), 0U);
}

TEST(DtsEstimator, Cam18_KeepsGrowingWhenEveryTimeIsTheSame) {
  DtsEstimator estimator(90'000);
  const auto times = times_of(estimator, {0, 0, 0});
  EXPECT_EQ(times[1].dts, 1);
  EXPECT_EQ(times[2].dts, 2);
}

TEST(DtsEstimator, Cam18_StartsAnewAfterAJump) {
  DtsEstimator estimator(90'000);
  estimator.expect_reordering(2);
  times_of(estimator, {0, 3 * kFrame, kFrame, 2 * kFrame});
  const std::int64_t far = std::int64_t{1} << 31U;
  const auto forward = estimator.next(far);
  EXPECT_EQ(forward.pts, far);
  EXPECT_LT(forward.pts - forward.dts, 90'000);
  const auto back = estimator.next(5 * kFrame);
  EXPECT_EQ(back.pts, 5 * kFrame);
  EXPECT_LT(back.pts - back.dts, 90'000);
}

TEST(DtsEstimator, Cam17_KeepsEveryPtsOfAStreamThatDeclaresItsDepth) {
  EXPECT_TRUE(
      rc::check("B pictures in any number: PTS as sent, DTS strictly growing, offsets >= 0", [] {
        const int b = *rc::gen::inRange(0, 5);
        const auto pts = decode_order(b, 20);
        DtsEstimator estimator(90'000);
        estimator.expect_reordering(b > 0 ? 1 : 0);
        std::int64_t last = -1'000'000;
        for (const std::int64_t one : pts) {
          const auto times = estimator.next(one);
          RC_ASSERT(times.pts == one);
          RC_ASSERT(times.dts > last);
          RC_ASSERT(times.dts <= times.pts);
          last = times.dts;
        }
      }));
}

TEST(DtsEstimator, Cam18_KeepsItsPromisesForAnyTimes) {
  EXPECT_TRUE(rc::check("any PTS: offsets >= 0; DTS grows unless the camera jumped", [] {
    const auto pts = *rc::gen::container<std::vector<std::int64_t>>(
        rc::gen::inRange<std::int64_t>(-1'000'000, 1'000'000));
    DtsEstimator estimator(90'000);
    estimator.expect_reordering(*rc::gen::inRange<std::uint32_t>(0, 20));
    bool is_first = true;
    DtsEstimator::Times last;
    for (const std::int64_t one : pts) {
      const auto times = estimator.next(one);
      RC_ASSERT(times.pts >= times.dts);
      if (!is_first && times.dts <= last.dts)
        RC_ASSERT(one < last.dts - 90'000 || one > last.pts + 90'000);
      last = times;
      is_first = false;
    }
  }));
}

}  // namespace
}  // namespace longtake::codec
