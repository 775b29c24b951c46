#include "archive/space_guard.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"

namespace longtake::archive {
namespace {

constexpr std::uint64_t kMiB = 1024ULL * 1024;

struct SpaceGuardTest : testing::Test {
  VolumeHealth::State with(std::uint64_t capacity_bytes) {
    files.set_capacity(capacity_bytes);
    guard.check();
    return health.state();
  }
  base::ManualClock clock;
  base::MemoryFileSystem files;
  VolumeHealth health{clock, base::null_logger()};
  SpaceGuard guard{files, health};
};

TEST_F(SpaceGuardTest, Host09_StopsAtTheHardFloorAndGoesOnAboveIt) {
  guard.set_policy({std::nullopt, 0, 0});
  EXPECT_EQ(with(65 * kMiB), VolumeHealth::State::kHealthy);
  EXPECT_EQ(with(63 * kMiB), VolumeHealth::State::kFull);
  EXPECT_EQ(with(65 * kMiB), VolumeHealth::State::kFull);  // not enough to begin again
  EXPECT_EQ(with(80 * kMiB), VolumeHealth::State::kHealthy);
}

TEST_F(SpaceGuardTest, Host10_StopsWhereInodesEndAndGoesOnOnlyWithSomeToSpare) {
  guard.set_policy({std::nullopt, 0, 0});
  const auto with_inodes = [&](std::uint64_t available) {
    files.set_inodes(100'000, available);
    guard.check();
    return health.state();
  };
  EXPECT_EQ(with_inodes(256), VolumeHealth::State::kHealthy);
  EXPECT_EQ(with_inodes(255), VolumeHealth::State::kFull);
  EXPECT_EQ(with_inodes(256), VolumeHealth::State::kFull);  // the next file would end it again
  EXPECT_EQ(with_inodes(384), VolumeHealth::State::kHealthy);
}

TEST_F(SpaceGuardTest, Host10_AFileSystemThatCountsNoInodesHasEnough) {
  guard.set_policy({std::nullopt, 0, 0});
  files.set_inodes(0, 0);
  EXPECT_EQ(with(80 * kMiB), VolumeHealth::State::kHealthy);
}

TEST_F(SpaceGuardTest, TakesTheLargerOfTheTwoFloors) {
  const base::SpaceStatus space{.total_bytes = 1000 * kMiB};
  EXPECT_EQ(SpaceGuard::floor_bytes({std::nullopt, 200 * kMiB, 5}, space), 200 * kMiB);
  EXPECT_EQ(SpaceGuard::floor_bytes({std::nullopt, 100 * kMiB, 50}, space), 500 * kMiB);
  EXPECT_EQ(SpaceGuard::floor_bytes({std::nullopt, 0, 0}, space), SpaceGuard::kHardFloorBytes);
}

TEST_F(SpaceGuardTest, WritesBelowThePolicysFloorWhileRetentionCanMakeRoom) {
  guard.set_policy({std::nullopt, 500 * kMiB, 0});
  bool can_make_room = true;
  guard.set_retention([&] { return can_make_room; });
  EXPECT_EQ(with(400 * kMiB), VolumeHealth::State::kHealthy);
  EXPECT_EQ(with(60 * kMiB), VolumeHealth::State::kFull);
  EXPECT_EQ(with(400 * kMiB), VolumeHealth::State::kHealthy);
  can_make_room = false;
  EXPECT_EQ(with(400 * kMiB), VolumeHealth::State::kFull);
}

}  // namespace
}  // namespace longtake::archive
