#include "archive/ring.h"

#include <gtest/gtest.h>

#include "archive/disk_bench.h"

namespace longtake::archive {
namespace {

struct RingTest : testing::Test {
  RingTest() : camera(media::RunId{1}, WallTime(seconds(1'000'000))) {}
  void push(int seconds_count) {
    for (int i = 0; i < seconds_count; ++i) {
      for (PendingFragment& fragment : camera.next().fragments) {
        if (auto dropped = ring.push(std::move(fragment))) refused.push_back(*dropped);
      }
    }
  }
  std::vector<PendingFragment> take_all() {
    std::vector<PendingFragment> all;
    while (auto item = ring.pop()) {
      if (!item->is_finish) all.push_back(std::move(item->fragment));
    }
    return all;
  }
  Ring ring;
  BenchCamera camera;
  std::vector<Ring::Dropped> refused;
};

TEST_F(RingTest, MeasuresTheVideoAndNotTheSoundBesideIt) {
  push(3);
  EXPECT_EQ(ring.duration(), seconds(3));
}

TEST_F(RingTest, MeasuresSoundWhereThereIsNoVideo) {
  camera = BenchCamera(media::RunId{1}, WallTime(seconds(1)), true);
  PendingFragment sound = camera.next().fragments[1];
  RunInfo audio_only;
  audio_only.tracks = {bench_audio()};
  sound.run = std::make_shared<const RunInfo>(audio_only);
  EXPECT_TRUE(is_covering(sound));
  EXPECT_FALSE(ring.push(sound).has_value());
  EXPECT_EQ(ring.duration(), seconds(1));
}

TEST_F(RingTest, DropsTheOldestGopWithItsSound) {
  camera.seconds_a_gop = 2;
  push(5);
  const auto dropped = ring.drop_oldest_gop();
  ASSERT_TRUE(dropped.has_value());
  EXPECT_EQ(dropped->fragments, 4U);
  ASSERT_EQ(dropped->ranges.ranges().size(), 1U);
  EXPECT_EQ(dropped->ranges.ranges()[0].start, WallTime(seconds(1'000'000)));
  EXPECT_EQ(dropped->ranges.ranges()[0].length(), seconds(2));
  EXPECT_EQ(ring.duration(), seconds(3));
  EXPECT_TRUE(take_all().front().is_sync);
}

TEST_F(RingTest, MovesASegmentStartThatWasDroppedToWhatFollows) {
  push(2);
  EXPECT_TRUE(ring.drop_oldest_gop().has_value());
  EXPECT_TRUE(take_all().front().starts_segment);
}

TEST_F(RingTest, DropsTheRestOfAGopWhoseKeyFrameWasDropped) {
  camera.seconds_a_gop = 10;
  push(3);
  EXPECT_EQ(ring.drop_oldest_gop()->fragments, 6U);
  push(8);  // seven of the same GOP, then the next key frame
  EXPECT_EQ(refused.size(), 14U);
  const auto kept = take_all();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept.front().is_sync);
  EXPECT_TRUE(kept.front().starts_segment);  // owed by the first fragment of all
}

TEST_F(RingTest, KeepsAMarkerThatClosesWhatIsAlreadyInAFile) {
  push(1);
  ring.push_finish();
  push(1);
  EXPECT_TRUE(ring.drop_oldest_gop().has_value());
  EXPECT_TRUE(ring.pop()->is_finish);
  EXPECT_FALSE(ring.pop()->is_finish);
}

TEST_F(RingTest, DropsTheRestOfAGopAlsoWhenAMarkerWaitsInFrontOfIt) {
  ring.push_finish();  // of the session before
  camera.seconds_a_gop = 3;
  push(2);
  ASSERT_TRUE(ring.drop_oldest_gop().has_value());
  push(2);  // the rest of the GOP, then a key frame
  EXPECT_EQ(refused.size(), 2U);
  const auto kept = take_all();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept[0].is_sync);
  EXPECT_TRUE(kept[0].starts_segment);
}

TEST_F(RingTest, HasNothingToDropWhenOnlyAMarkerWaits) {
  ring.push_finish();
  EXPECT_FALSE(ring.drop_oldest_gop().has_value());
}

TEST_F(RingTest, KnowsWhereWhatMustBeWrittenAgainBegins) {
  push(2);
  EXPECT_FALSE(ring.first_rewrite().has_value());
  Ring::Item again{camera.next().fragments.front(), false, /*is_rewrite=*/true};
  const WallTime start = again.fragment.covered().start;
  ring.push_front(std::move(again));
  EXPECT_EQ(ring.first_rewrite(), start);
}

}  // namespace
}  // namespace longtake::archive
