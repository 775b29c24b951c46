#include "media/rate_estimator.h"

#include <algorithm>

namespace longtake::media {

namespace {

constexpr int kSlices = 5;  // of a window; each long enough to hold a whole burst of most cameras
constexpr int kPatience = 3;
constexpr microseconds kDriftAfter = std::chrono::minutes(1);

}  // namespace

RateEstimator::RateEstimator(microseconds window, std::int64_t error_ppm)
    : slice_length_(window / kSlices), error_ppm_(error_ppm) {}

void RateEstimator::restart() { *this = RateEstimator(slice_length_ * kSlices, error_ppm_); }

void RateEstimator::add(microseconds receipt, microseconds delay) {
  if (!open_) {
    open_ = first_ = Slice{receipt, delay};
    floor_ = delay;
    return;
  }
  if (receipt - first_->start < slice_length_ * kSlices) {
    first_->least_delay = std::min(first_->least_delay, delay);
  }
  if (receipt - open_->start < slice_length_) {
    open_->least_delay = std::min(open_->least_delay, delay);
    return;
  }
  if (before_) judge(*before_, *open_);
  floor_ = std::min(floor_, open_->least_delay);
  before_ = open_;
  open_ = Slice{receipt, delay};
}

void RateEstimator::judge(const Slice& before, const Slice& after) {
  const microseconds moved = after.least_delay - before.least_delay;
  const microseconds allowed = (after.start - before.start) * error_ppm_ / 1'000'000;
  const bool is_slow = moved > allowed;
  const bool is_fast = moved < -allowed && after.least_delay < floor_;
  slow_slices_ = is_slow ? slow_slices_ + 1 : 0;
  fast_slices_ = is_fast ? fast_slices_ + 1 : 0;
  right_slices_ = moved <= allowed && moved >= -allowed ? right_slices_ + 1 : 0;
  has_run_right_ = has_run_right_ || right_slices_ >= kSlices;
}

bool RateEstimator::is_off() const {
  return fast_slices_ >= kSlices ||
         slow_slices_ >= (has_run_right_ ? kPatience * kSlices : kSlices);
}

std::optional<double> RateEstimator::drift_ppm() const {
  if (!before_ || before_->start - first_->start < kDriftAfter) return std::nullopt;
  const auto moved = static_cast<double>((before_->least_delay - first_->least_delay).count());
  return -1e6 * moved / static_cast<double>((before_->start - first_->start).count());
}

}  // namespace longtake::media
