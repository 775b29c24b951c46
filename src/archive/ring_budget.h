#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace longtake::archive {

/// How many bytes of media all rings of a volume hold together, against what they may.
///
/// Thread     every method from any thread. A recording over the limit sheds media of its own when it next submits, so
///            that each gives in proportion to what it brings.
class RingBudget {
 public:
  explicit RingBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void take(std::size_t bytes) { held_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::size_t bytes) { held_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] bool is_exceeded() const { return held_bytes() > limit_bytes_; }
  [[nodiscard]] std::uint64_t held_bytes() const {
    return held_bytes_.load(std::memory_order_relaxed);
  }

 private:
  const std::uint64_t limit_bytes_;
  std::atomic<std::uint64_t> held_bytes_{0};
};

/// A quarter of this machine's memory (DESIGN §4).
std::uint64_t default_ring_budget_bytes();

}  // namespace longtake::archive
