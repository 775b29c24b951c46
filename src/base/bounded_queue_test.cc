#include "base/bounded_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace longtake::base {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr nanoseconds kNow = nanoseconds::zero();
constexpr nanoseconds kGuard = seconds(60);  // only a broken queue waits so long

TEST(BoundedQueue, GivesBackInOrder) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_TRUE(queue.try_push(3));
  EXPECT_THAT(queue.pop_all(kNow), ElementsAre(1, 2, 3));
}

TEST(BoundedQueue, RefusesWhatIsPastItsCapacityAndLeavesItWithTheCaller) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.try_push(std::make_unique<int>(1)));
  auto kept = std::make_unique<int>(2);
  EXPECT_FALSE(queue.try_push(std::move(kept)));
  EXPECT_NE(kept, nullptr);
  EXPECT_FALSE(queue.push(std::move(kept), kNow));
  EXPECT_NE(kept, nullptr);
  EXPECT_EQ(queue.size(), 1U);
}

TEST(BoundedQueue, AnEmptyOneGivesNothingWhenTheTimeIsUp) {
  BoundedQueue<int> queue(1);
  EXPECT_THAT(queue.pop_all(kNow), IsEmpty());
}

TEST(BoundedQueue, APusherWaitsForRoom) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.try_push(1));
  bool was_pushed = false;
  std::jthread pusher([&] { was_pushed = queue.push(2, kGuard); });
  EXPECT_THAT(queue.pop_all(kGuard), ElementsAre(1));
  EXPECT_THAT(queue.pop_all(kGuard), ElementsAre(2));
  pusher.join();
  EXPECT_TRUE(was_pushed);
}

TEST(BoundedQueue, AClosedOneRefusesButGivesWhatItHolds) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.try_push(1));
  queue.close();
  EXPECT_FALSE(queue.try_push(2));
  EXPECT_FALSE(queue.push(2, kGuard));
  EXPECT_FALSE(queue.is_closed_and_empty());
  EXPECT_THAT(queue.pop_all(kGuard), ElementsAre(1));
  EXPECT_TRUE(queue.is_closed_and_empty());
}

TEST(BoundedQueue, ClosingWakesThoseWhoWait) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.try_push(1));
  std::jthread popper([&] { EXPECT_THAT(empty.pop_all(kGuard), IsEmpty()); });
  std::jthread pusher([&] { EXPECT_FALSE(full.push(2, kGuard)); });
  empty.close();
  full.close();
}

TEST(BoundedQueue, LosesNothingBetweenManyThreads) {
  constexpr int kProducers = 4;
  constexpr int kItems = 2'000;
  BoundedQueue<int> queue(16);
  long long sum = 0;
  int count = 0;
  {
    std::vector<std::jthread> producers;
    for (int p = 0; p < kProducers; ++p) {
      producers.emplace_back([&] {
        for (int i = 1; i <= kItems; ++i) EXPECT_TRUE(queue.push(int{i}, kGuard));
      });
    }
    while (count < kProducers * kItems) {
      const auto items = queue.pop_all(kGuard);
      ASSERT_FALSE(items.empty());
      for (const int item : items) sum += item;
      count += static_cast<int>(items.size());
    }
  }
  EXPECT_EQ(sum, 1LL * kProducers * kItems * (kItems + 1) / 2);
}

}  // namespace
}  // namespace longtake::base
