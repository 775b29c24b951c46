#include "rtsp/handshake_gate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/manual_executor.h"

namespace longtake::rtsp {
namespace {

class HandshakeGateTest : public testing::Test {
 protected:
  HandshakeGate::Ticket ask() {
    return gate_.ask(executor_,
                     [this](HandshakeGate::Slot slot) { slots_.push_back(std::move(slot)); });
  }

  base::ManualClock clock_;
  base::ManualExecutor executor_{clock_};
  HandshakeGate gate_{2};
  std::vector<HandshakeGate::Slot> slots_;
};

TEST_F(HandshakeGateTest, Cam27_LetsInAsManyAsItHasSlots) {
  std::vector<HandshakeGate::Ticket> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(ask());
  executor_.run_ready();
  EXPECT_EQ(slots_.size(), 2U);
  slots_[0].release();
  executor_.run_ready();
  EXPECT_EQ(slots_.size(), 3U);
}

TEST_F(HandshakeGateTest, NeverGrantsFromInsideTheQuestion) {
  const auto ticket = ask();
  EXPECT_TRUE(slots_.empty());
}

TEST_F(HandshakeGateTest, ForgetsWhoGaveUpWaiting) {
  const auto first = ask();
  const auto second = ask();
  {
    const auto third = ask();
  }
  const auto fourth = ask();
  executor_.run_ready();
  slots_.clear();
  executor_.run_ready();
  EXPECT_EQ(slots_.size(), 1U);
}

TEST_F(HandshakeGateTest, TakesBackASlotGrantedToWhoGaveUp) {
  {
    const auto ticket = ask();
  }
  const auto granted_then_gone = [this] { const auto ticket = ask(); };
  granted_then_gone();
  granted_then_gone();
  std::vector<HandshakeGate::Ticket> tickets;
  tickets.push_back(ask());
  tickets.push_back(ask());
  executor_.run_ready();
  EXPECT_EQ(slots_.size(), 2U);
}

TEST_F(HandshakeGateTest, IsSharedByThreads) {
  slots_.clear();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      base::ManualClock clock;
      base::ManualExecutor executor(clock);
      for (int round = 0; round < 200; ++round) {
        bool is_granted = false;
        const auto ticket = gate_.ask(executor, [&](HandshakeGate::Slot) { is_granted = true; });
        // Half of them wait for their turn, the others give up.
        for (int turn = 0; round % 2 == 0 && !is_granted && turn < 1'000'000; ++turn)
          executor.run_ready();
      }
      executor.run_ready();
    });
  }
  threads.clear();
  const auto ticket = ask();
  executor_.run_ready();
  EXPECT_EQ(slots_.size(), 1U);
}

}  // namespace
}  // namespace longtake::rtsp
