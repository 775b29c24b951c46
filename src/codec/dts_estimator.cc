#include "codec/dts_estimator.h"

#include <algorithm>

namespace longtake::codec {

namespace {

constexpr std::int64_t kJumpLimitSeconds = 10;     // CAM-18: a picture lasts at most ten seconds
constexpr std::int64_t kBackwardLimitSeconds = 1;  // further back is no reordering
constexpr std::int64_t kGuessedRate = 30;  // pictures a second, for the first `depth` units only

}  // namespace

DtsEstimator::DtsEstimator(std::uint32_t timescale_hz)
    : jump_limit_ticks_(kJumpLimitSeconds * timescale_hz),
      backward_limit_ticks_(kBackwardLimitSeconds * timescale_hz),
      interval_ticks_(std::max<std::int64_t>(timescale_hz / kGuessedRate, 1)) {}

void DtsEstimator::reset() { has_started_ = false; }

void DtsEstimator::expect_reordering(std::uint32_t depth) {
  may_reorder_ = true;
  depth = std::min(depth, kMaxDepth);
  if (!has_started_) {
    depth_ = depth;
    return;
  }
  // One more pending time for each further unit, below the smallest: it will be due first.
  while (depth_ < depth) {
    const std::int64_t below = depth_ == 0 ? recent_[0] : pending_[0] - interval_ticks_;
    std::copy_backward(pending_.begin(), pending_.begin() + depth_, pending_.begin() + depth_ + 1);
    pending_[0] = below;
    ++depth_;
  }
}

void DtsEstimator::forbid_reordering() {
  may_reorder_ = false;
  depth_ = 0;
}

void DtsEstimator::start_at(std::int64_t pts) {
  has_started_ = true;
  recent_count_ = 0;
  for (std::uint32_t i = 0; i < depth_; ++i) {
    pending_[i] = pts - static_cast<std::int64_t>(depth_ - i) * interval_ticks_;
  }
}

/// The depth is at least the number of units decoded before this one and shown after it.
void DtsEstimator::learn(std::int64_t pts) {
  if (!may_reorder_) return;
  const auto later =
      static_cast<std::uint32_t>(std::count_if(recent_.begin(), recent_.begin() + recent_count_,
                                               [pts](std::int64_t other) { return other > pts; }));
  if (later > depth_) expect_reordering(later);
}

std::int64_t DtsEstimator::smallest_after_taking(std::int64_t pts) {
  const auto end = pending_.begin() + depth_;
  const auto at = std::upper_bound(pending_.begin(), end, pts);
  std::copy_backward(at, end, end + 1);
  *at = pts;
  const std::int64_t smallest = pending_[0];
  std::copy(pending_.begin() + 1, pending_.begin() + depth_ + 1, pending_.begin());
  return smallest;
}

DtsEstimator::Times DtsEstimator::next(std::int64_t pts) {
  if (has_started_) {
    const std::int64_t newest = *std::max_element(recent_.begin(), recent_.begin() + recent_count_);
    if (pts > newest + jump_limit_ticks_ || pts < last_dts_ - backward_limit_ticks_)
      has_started_ = false;
  }
  const bool is_first = !has_started_;
  if (is_first) start_at(pts);
  learn(pts);
  Times times{smallest_after_taking(pts), pts};
  if (!is_first && times.dts <= last_dts_) times.dts = last_dts_ + 1;
  if (times.pts < times.dts) {
    times.pts = times.dts;
    ++adjusted_;
  }
  if (!is_first && times.dts - last_dts_ > 1) interval_ticks_ = times.dts - last_dts_;
  last_dts_ = times.dts;
  std::copy_backward(recent_.begin(), recent_.end() - 1, recent_.end());
  recent_[0] = pts;
  recent_count_ = std::min<std::uint32_t>(recent_count_ + 1, kMaxDepth);
  return times;
}

}  // namespace longtake::codec
