#include "base/manual_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace longtake::base {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

class ManualExecutorTest : public testing::Test {
 protected:
  Task note(std::string name) {
    return [this, name = std::move(name)] { ran_.push_back(name); };
  }

  ManualClock clock_;
  ManualExecutor executor_{clock_};
  std::vector<std::string> ran_;
};

TEST_F(ManualExecutorTest, RunsPostedTasksInOrderAndThoseTheyPost) {
  executor_.post([this] {
    ran_.emplace_back("first");
    executor_.post(note("third"));
  });
  executor_.post(note("second"));
  EXPECT_THAT(ran_, IsEmpty());
  executor_.run_ready();
  EXPECT_THAT(ran_, ElementsAre("first", "second", "third"));
}

TEST_F(ManualExecutorTest, LeavesTimersForTheirTime) {
  executor_.schedule(clock_.now() + seconds(1), note("later"));
  executor_.schedule(clock_.now(), note("due"));
  executor_.run_ready();
  EXPECT_THAT(ran_, ElementsAre("due"));
}

TEST_F(ManualExecutorTest, FiresTimersByTimeAndEqualTimesByAge) {
  executor_.schedule(clock_.now() + seconds(2), note("c"));
  executor_.schedule(clock_.now() + seconds(1), note("a"));
  executor_.schedule(clock_.now() + seconds(1), note("b"));
  executor_.run_for(seconds(2));
  EXPECT_THAT(ran_, ElementsAre("a", "b", "c"));
}

TEST_F(ManualExecutorTest, ATaskSeesTheTimeItWasScheduledFor) {
  const MonotonicTime start = clock_.now();
  nanoseconds seen{};
  executor_.schedule(start + seconds(5), [&] { seen = clock_.now() - start; });
  executor_.run_for(hours(1));
  EXPECT_EQ(seen, seconds(5));
  EXPECT_EQ(clock_.now() - start, hours(1));
}

TEST_F(ManualExecutorTest, LivesThroughAMonthOfTicks) {
  int ticks = 0;
  Timer timer(executor_);
  std::function<void()> tick = [&] {
    ++ticks;
    timer.start_after(std::chrono::minutes(1), [&] { tick(); });
  };
  timer.start_after(std::chrono::minutes(1), [&] { tick(); });
  executor_.run_for(hours(24 * 30));
  EXPECT_EQ(ticks, 30 * 24 * 60);
}

TEST_F(ManualExecutorTest, ACancelledTimerDoesNotRunEvenWhenDue) {
  Executor::TimerId second = 0;
  executor_.schedule(clock_.now(), [&] { executor_.cancel(second); });
  second = executor_.schedule(clock_.now(), note("second"));
  executor_.run_for(seconds(1));
  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(ManualExecutorTest, CancellingAnUnknownOrFiredTimerDoesNothing) {
  const auto id = executor_.schedule(clock_.now(), note("once"));
  executor_.run_ready();
  executor_.cancel(id);
  executor_.cancel(12'345);
  EXPECT_THAT(ran_, ElementsAre("once"));
}

TEST_F(ManualExecutorTest, ATimerMayBeDestroyedByItsOwnTask) {
  auto timer = std::make_unique<Timer>(executor_);
  timer->start_after(seconds(1), [&] {
    timer.reset();
    ran_.emplace_back("done");
  });
  executor_.run_for(seconds(1));
  EXPECT_THAT(ran_, ElementsAre("done"));
}

TEST_F(ManualExecutorTest, StartingATimerAnewReplacesTheOneThatWaited) {
  Timer timer(executor_);
  timer.start_after(seconds(1), note("old"));
  timer.start_after(seconds(2), note("new"));
  EXPECT_TRUE(timer.is_waiting());
  executor_.run_for(seconds(3));
  EXPECT_THAT(ran_, ElementsAre("new"));
  EXPECT_FALSE(timer.is_waiting());
}

TEST_F(ManualExecutorTest, TakesPostsFromOtherThreads) {
  {
    std::jthread first([this] { executor_.post(note("x")); });
    std::jthread second([this] { executor_.post(note("x")); });
  }
  executor_.run_ready();
  EXPECT_THAT(ran_, ElementsAre("x", "x"));
}

}  // namespace
}  // namespace longtake::base
