#include "archive/volume_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace longtake::archive {
namespace {

using testing::ElementsAre;

class Events final : public base::Logger {
 public:
  [[nodiscard]] bool is_enabled(base::LogLevel /*level*/) const override { return true; }
  void write(base::LogLevel /*level*/, std::string_view event,
             std::initializer_list<base::LogField> /*fields*/) override {
    all.emplace_back(event);
  }
  std::vector<std::string> all;
};

// A quota refuses every write, and the file system says that there is room: asked each second, for as long as it lasts.
TEST(VolumeHealth, Host08_TellsOnceOfADiskThatIsFullWheneverItIsWrittenTo) {
  base::ManualClock clock;
  Events events;
  VolumeHealth health(clock, events);
  for (int second = 0; second < 60; ++second) {
    health.on_full("quota exceeded");
    EXPECT_EQ(health.state(), VolumeHealth::State::kFull);
    health.on_space();
    EXPECT_TRUE(health.is_healthy());  // to be tried
  }
  EXPECT_THAT(events.all, ElementsAre("volume.unusable"));
  health.on_committed();
  health.on_committed();
  EXPECT_THAT(events.all, ElementsAre("volume.unusable", "volume.healthy"));
  health.on_full("quota exceeded");
  EXPECT_THAT(events.all, ElementsAre("volume.unusable", "volume.healthy", "volume.unusable"));
}

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
