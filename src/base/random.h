#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace longtake::base {

/// Randomness behind an interface: the kernel's in the program, a seed's in a test.
///
/// Thread     one user at a time.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// `digits` lower-case hex digits, at most 16.
  std::string hex(int digits);
};

/// getrandom(2).
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

/// One seed, one sequence.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace longtake::base
