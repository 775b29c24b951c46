#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace longtake::media {

/// Judges whether a media clock runs at the rate it claims, from how the least delay of each slice
/// of a window moves.
///
/// A delay that grows is either a slow media clock or a network that falls behind; one that shrinks
/// is a fast clock or late media catching up. Catching up never undercuts the least delay ever
/// seen, so a fast clock is told apart at once. A slow clock is told apart by its past: one that
/// ran right before does not turn slow by itself, so it needs three windows of evidence instead of
/// one.
///
/// Units      receipt and delay in microseconds, as in DelayWindow.
class RateEstimator {
 public:
  RateEstimator(microseconds window, std::int64_t error_ppm);

  void add(microseconds receipt, microseconds delay);
  /// The media clock jumped: delays before and after have nothing to do with each other.
  void restart();

  /// Off by more than the error for the whole window, up to now.
  [[nodiscard]] bool is_off() const;
  /// Media clock against receipt, positive when fast; after a minute.
  [[nodiscard]] std::optional<double> drift_ppm() const;

 private:
  struct Slice {
    microseconds start;
    microseconds least_delay;
  };
  void judge(const Slice& before, const Slice& after);

  microseconds slice_length_;
  std::int64_t error_ppm_;
  std::optional<Slice> first_;   // its least delay is that of the first window
  std::optional<Slice> before_;  // the last whole slice
  std::optional<Slice> open_;
  microseconds floor_{0};  // least delay of all whole slices
  int slow_slices_ = 0;    // in a row, as the next two
  int fast_slices_ = 0;
  int right_slices_ = 0;
  bool has_run_right_ = false;
};

}  // namespace longtake::media
