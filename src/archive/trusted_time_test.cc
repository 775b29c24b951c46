#include "archive/trusted_time.h"

#include <gtest/gtest.h>

#include "base/memory_file_system.h"

namespace longtake::archive {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

constexpr microseconds kTenYears = std::chrono::hours(24 * 3650);

class TrustedTimeTest : public testing::Test {
 protected:
  /// A start of the program, past its quiet time.
  void start(const std::string& boot = "boot-1") {
    time = std::make_unique<TrustedTime>(files, clock, base::null_logger(), boot);
    live(61s);
  }
  void live(nanoseconds span) {
    for (; span > 0s; span -= 1s) {
      clock.advance(1s);
      time->observe();
    }
  }

  base::ManualClock clock;
  base::MemoryFileSystem files;
  std::unique_ptr<TrustedTime> time;
};

TEST_F(TrustedTimeTest, FollowsAGoodClockAfterAQuietMinute) {
  time = std::make_unique<TrustedTime>(files, clock, base::null_logger(), "boot-1");
  live(59s);
  EXPECT_FALSE(time->now_for_age().has_value());
  live(1s);
  EXPECT_EQ(time->now_for_age(), clock.wall_now());
}

TEST_F(TrustedTimeTest, Ret03_AJumpForwardIsSuspectAtOnce) {
  start();
  clock.step_wall(kTenYears);
  live(1s);
  EXPECT_TRUE(time->is_suspect());
  EXPECT_FALSE(time->now_for_age().has_value());
}

TEST_F(TrustedTimeTest, Ret03_AJumpIsBelievedOnceTheKernelHasConfirmedItForFiveMinutes) {
  start();
  clock.set_synchronised(false);
  clock.step_wall(kTenYears);
  live(1h);
  EXPECT_TRUE(time->is_suspect());
  clock.set_synchronised(true);
  live(4min);
  EXPECT_TRUE(time->is_suspect());
  live(2min);
  EXPECT_EQ(time->now_for_age(), clock.wall_now());
}

TEST_F(TrustedTimeTest, AnotherJumpStartsTheConfirmationAnew) {
  start();
  clock.step_wall(kTenYears);
  live(4min);
  clock.step_wall(kTenYears);
  live(4min);
  EXPECT_TRUE(time->is_suspect());
}

TEST_F(TrustedTimeTest, AClockThatComesBackIsTrustedAgain) {
  start();
  clock.set_synchronised(false);
  clock.step_wall(kTenYears);
  live(10s);
  clock.step_wall(-kTenYears);
  live(1s);
  EXPECT_EQ(time->now_for_age(), clock.wall_now());
}

TEST_F(TrustedTimeTest, Host22_AClockSetBackIsFollowed) {
  start();
  clock.step_wall(-kTenYears);
  live(1s);
  EXPECT_EQ(time->now_for_age(), clock.wall_now());
}

TEST_F(TrustedTimeTest, FiveMinutesForwardAreNoJump) {
  start();
  clock.step_wall(4min);
  live(1s);
  EXPECT_FALSE(time->is_suspect());
}

TEST_F(TrustedTimeTest, Ret03_AJumpWhileTheProgramWasDownIsSeen) {
  start();
  live(2min);
  clock.step_wall(kTenYears);
  clock.set_synchronised(false);
  start();
  EXPECT_TRUE(time->is_suspect());
}

TEST_F(TrustedTimeTest, TheMonotonicClockBridgesARestartInTheSameBoot) {
  start();
  clock.advance(24h);  // the program is down
  clock.set_synchronised(false);
  start();
  EXPECT_FALSE(time->is_suspect());
}

TEST_F(TrustedTimeTest, ALongTimeOffInAnotherBootWaitsForTheKernel) {
  start();
  clock.advance(24h);
  start("boot-2");
  EXPECT_TRUE(time->is_suspect());
  live(5min);
  EXPECT_EQ(time->now_for_age(), clock.wall_now());
}

TEST_F(TrustedTimeTest, AFileThatIsNoneTrustsNobodyButTheKernel) {
  ASSERT_TRUE(base::atomic_replace(files, TrustedTime::kPath, as_bytes("rubbish")));
  clock.set_synchronised(false);
  start();
  EXPECT_TRUE(time->is_suspect());
  clock.set_synchronised(true);
  live(6min);
  EXPECT_FALSE(time->is_suspect());
}

// Found by the fuzz target data_folder: such a time plus five minutes left 64 bits.
TEST_F(TrustedTimeTest, AFileWithTimesOfNoMachineTrustsNobodyButTheKernel) {
  for (const std::string_view text :
       {"9223372036854775807 1 boot-1\n", "-9223372036854775808 1 boot-1\n",
        "1767225590000000 -9223372036854775808 boot-1\n"}) {
    ASSERT_TRUE(base::atomic_replace(files, TrustedTime::kPath, as_bytes(text)));
    clock.set_synchronised(false);
    start();
    EXPECT_TRUE(time->is_suspect()) << text;
  }
}

TEST_F(TrustedTimeTest, Host19_NothingGoesByAgeInTheMinuteAfterAFreeze) {
  start();
  clock.advance(30s);
  time->observe();
  EXPECT_FALSE(time->now_for_age().has_value());
  live(59s);
  EXPECT_FALSE(time->now_for_age().has_value());
  live(1s);
  EXPECT_TRUE(time->now_for_age().has_value());
}

}  // namespace
}  // namespace longtake::archive
