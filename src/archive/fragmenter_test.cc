#include "archive/fragmenter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace longtake::archive {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

media::TrackConfigPtr video() {
  auto config = std::make_shared<media::TrackConfig>();
  config->track = 1;
  return config;
}

media::AccessUnitPtr unit(bool is_sync, std::size_t bytes = 10) {
  auto made = std::make_shared<media::AccessUnit>();
  made->track = 1;
  made->is_sync = is_sync;
  made->payload = Bytes(bytes);
  return made;
}

Fragmenter::Place at(milliseconds position) { return {position.count() * 90, 0, position}; }

/// Pictures each 100 ms from 0 on; the first one is a key frame.
Fragmenter with_pictures(int count) {
  Fragmenter fragmenter(video());
  fragmenter.set_interval(100ms);
  for (int i = 0; i < count; ++i) fragmenter.add(unit(i == 0), at(i * 100ms));
  return fragmenter;
}

TEST(Fragmenter, EndsBeforeAKeyFrame) {
  const Fragmenter fragmenter = with_pictures(3);
  EXPECT_TRUE(fragmenter.must_end_before(*unit(true), 300 * 90));
  EXPECT_FALSE(fragmenter.must_end_before(*unit(false), 300 * 90));
}

TEST(Fragmenter, EndsWhenTheNextPictureWouldReachPastASecond) {
  const Fragmenter fragmenter = with_pictures(9);
  EXPECT_FALSE(fragmenter.must_end_before(*unit(false), 900 * 90));
  EXPECT_TRUE(fragmenter.must_end_before(*unit(false), 1000 * 90));
}

TEST(Fragmenter, JitterLeavesNoSinglePictureBeforeTheKeyFrameOfAOneSecondGop) {
  const Fragmenter fragmenter = with_pictures(9);
  EXPECT_FALSE(fragmenter.must_end_before(*unit(false), 930 * 90));
}

TEST(Fragmenter, Cam23_EndsBeforeItWouldPassTheByteLimit) {
  Fragmenter fragmenter(video());
  fragmenter.add(unit(true, limits::kFragmentBytes - 10), at(0ms));
  EXPECT_FALSE(fragmenter.must_end_before(*unit(false, 10), 40 * 90));
  EXPECT_TRUE(fragmenter.must_end_before(*unit(false, 11), 40 * 90));
}

TEST(Fragmenter, TheLastPictureLastsUntilTheNextUnit) {
  Fragmenter fragmenter = with_pictures(2);
  const PendingFragment fragment = fragmenter.take(2, 230 * 90);
  EXPECT_EQ(fragment.samples[0].duration_ticks, 100U * 90);
  EXPECT_EQ(fragment.samples[1].duration_ticks, 130U * 90);
  EXPECT_EQ(fragment.duration_ticks, 230 * 90);
  EXPECT_EQ(fragment.payload_bytes, 20U);
  EXPECT_TRUE(fragment.is_sync);
  EXPECT_TRUE(fragmenter.is_empty());
}

TEST(Fragmenter, TheLastPictureLastsTheUsualTimeWhenNothingFollows) {
  Fragmenter fragmenter = with_pictures(2);
  EXPECT_EQ(fragmenter.take(2, std::nullopt).duration_ticks, 200 * 90);
}

TEST(Fragmenter, NoPictureLastsThroughAHole) {
  Fragmenter fragmenter = with_pictures(2);
  EXPECT_EQ(fragmenter.take(2, 1400 * 90).duration_ticks, 200 * 90);
}

TEST(Fragmenter, AUnitThatComesEarlierThanThoughtBeginsWhereTheLastOneEnded) {
  Fragmenter fragmenter = with_pictures(2);
  ASSERT_EQ(fragmenter.take(2, std::nullopt).duration_ticks, 200 * 90);
  Fragmenter::Place early = at(190ms);
  early.composition_ticks = 3000;
  fragmenter.add(unit(false), early);
  const PendingFragment next = fragmenter.take(1, std::nullopt);
  EXPECT_EQ(next.run_ticks, 200 * 90);
  EXPECT_EQ(next.run_position, 200ms);
  EXPECT_EQ(next.samples[0].composition_ticks, 3000U - 10 * 90);
}

TEST(Fragmenter, Cam18_EqualTimesStillGiveEachSampleADuration) {
  Fragmenter fragmenter = with_pictures(1);
  fragmenter.add(unit(false), at(0ms));
  fragmenter.add(unit(false), at(0ms));
  const PendingFragment fragment = fragmenter.take(3, std::nullopt);
  for (const auto& sample : fragment.samples) EXPECT_GT(sample.duration_ticks, 0U);
}

TEST(Fragmenter, TakingAPartLeavesTheRestOpen) {
  Fragmenter fragmenter = with_pictures(5);
  EXPECT_EQ(fragmenter.count_before(250ms), 3U);
  EXPECT_EQ(fragmenter.take(3, std::nullopt).duration_ticks, 300 * 90);
  EXPECT_EQ(fragmenter.start(), 300ms);
  EXPECT_EQ(fragmenter.discard_before(400ms), 1U);
  EXPECT_EQ(fragmenter.size(), 1U);
}

TEST(Fragmenter, ADamagedUnitMarksItsFragment) {
  Fragmenter fragmenter = with_pictures(1);
  auto damaged = std::make_shared<media::AccessUnit>(*unit(false));
  damaged->is_damaged = true;
  fragmenter.add(damaged, at(100ms));
  EXPECT_TRUE(fragmenter.take(2, std::nullopt).is_damaged);
}

}  // namespace
}  // namespace longtake::archive
