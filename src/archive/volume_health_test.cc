#include "archive/volume_health.h"

#include <gtest/gtest.h>

#include <thread>

namespace longtake::archive {
namespace {

// invariant A7: only a probe ends it. The writer and the committer tell their own halves at the same time.
TEST(VolumeHealth, Host13_SpaceThatComesBackDoesNotHideAFolderThatCouldNotBeSynced) {
  base::ManualClock clock;
  VolumeHealth health(clock, base::null_logger());
  std::atomic<bool> is_over{false};
  std::thread writer([&] {
    while (!is_over) {
      health.on_full("no space");
      health.on_space();
    }
  });
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) {
    health.on_untrusted(Error(ErrorCode::kDataLoss, "a folder"));
    for (int look = 0; look < 50; ++look)
      EXPECT_EQ(health.state(), VolumeHealth::State::kSick) << "round " << i;
    health.on_probed({});
  }
  is_over = true;
  writer.join();
}

}  // namespace
}  // namespace longtake::archive
