#include "base/resolver.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>

#include "base/bounded_queue.h"

namespace longtake::base {
namespace {

constexpr nanoseconds kGuard = seconds(60);  // only a broken resolver waits so long

Resolver::Addresses loopback() { return numeric_addresses({"127.0.0.1", 554}); }

TEST(Resolver, LiteralsNeedNoLookup) {
  EXPECT_EQ(to_string(numeric_addresses({"192.0.2.7", 554}).value().front()), "192.0.2.7:554");
  EXPECT_EQ(to_string(numeric_addresses({"2001:db8::7", 80}).value().front()), "[2001:db8::7]:80");
  EXPECT_EQ(numeric_addresses({"camera.local", 554}).error().code(), ErrorCode::kInvalidArgument);
}

TEST(Resolver, ANameThatCannotBeIsNotFound) {
  const auto addresses = look_up_addresses({std::string(300, 'x'), 554});
  ASSERT_FALSE(addresses.has_value());
  EXPECT_EQ(addresses.error().code(), ErrorCode::kNotFound);
}

TEST(Resolver, AHangingNameHoldsNobodyElse) {
  std::latch release(1);
  const auto wanted = std::make_shared<int>();
  BoundedQueue<std::string> answered(1'000);
  {
    Resolver resolver([&](const HostPort& of) {
      if (of.host == "hangs") release.wait();
      return loopback();
    });
    const auto note = [&](const std::string& name) {
      return [&answered, name](Resolver::Addresses) {
        EXPECT_TRUE(answered.try_push(std::string(name)));
      };
    };
    // More askers of the hanging name than there are threads.
    for (std::size_t i = 0; i < 2 * Resolver::kThreads; ++i) {
      resolver.resolve({"hangs", 554}, wanted, note("hangs"));
    }
    for (int i = 0; i < 63; ++i) {
      resolver.resolve({"camera-" + std::to_string(i), 554}, wanted, note("well"));
    }
    std::size_t well = 0;
    while (well < 63) {
      const auto names = answered.pop_all(kGuard);
      ASSERT_FALSE(names.empty());
      for (const std::string& name : names) ASSERT_EQ(name, "well");
      well += names.size();
    }
    release.count_down();
  }
}

TEST(Resolver, WhatNobodyWantsAnyMoreIsNotLookedUp) {
  std::latch has_begun(1);
  std::latch release(1);
  std::atomic<int> lookups{0};
  const auto wanted = std::make_shared<int>();
  auto unwanted = std::make_shared<int>();
  std::promise<void> last;
  Resolver resolver([&](const HostPort&) {
    if (++lookups == 1) {
      has_begun.count_down();
      release.wait();
    }
    return loopback();
  });
  resolver.resolve({"camera", 554}, wanted, [](Resolver::Addresses) {});
  has_begun.wait();
  resolver.resolve({"camera", 554}, unwanted, [](Resolver::Addresses) { ADD_FAILURE(); });
  resolver.resolve({"camera", 554}, wanted, [&](Resolver::Addresses) { last.set_value(); });
  unwanted.reset();
  release.count_down();
  last.get_future().wait();
  EXPECT_EQ(lookups, 2);
}

TEST(Resolver, DestroyingItDropsWhatHasNotBegun) {
  std::latch has_begun(1);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const auto wanted = std::make_shared<int>();
  int answers = 0;
  auto resolver = std::make_unique<Resolver>([&](const HostPort&) {
    has_begun.count_down();
    released.wait();
    return loopback();
  });
  resolver->resolve({"camera", 554}, wanted, [&](Resolver::Addresses) { ++answers; });
  has_begun.wait();
  // Destroyed with the job that is dropped: by then the resolver is closing, and what is under way
  // may end.
  auto dropped = std::shared_ptr<void>(nullptr, [&](void*) { release.set_value(); });
  resolver->resolve({"camera", 554}, wanted,
                    [&answers, dropped = std::move(dropped)](Resolver::Addresses) { ++answers; });
  resolver.reset();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace longtake::base
