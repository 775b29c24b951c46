#include "media/receipt_spacer.h"

#include <algorithm>

namespace longtake::media {

namespace {

constexpr microseconds kHole = seconds(1);
constexpr std::int64_t kMeanOver = 32;  // units
constexpr std::int64_t kPullOver = 16;  // units

}  // namespace

ReceiptSpacer::ReceiptSpacer(microseconds last_receipt, microseconds interval)
    : last_receipt_(last_receipt), mean_interval_(std::min(interval, kHole)) {}

microseconds ReceiptSpacer::next(microseconds last, microseconds receipt, microseconds base) {
  const microseconds interval = std::max(receipt - last_receipt_, microseconds(0));
  const microseconds received_at = receipt - base;
  last_receipt_ = receipt;
  if (interval > std::max(kHole, 3 * mean_interval_)) return std::max(last, received_at);
  if (mean_interval_ == microseconds(0)) {
    mean_interval_ = interval;
  } else {
    mean_interval_ += (interval - mean_interval_) / kMeanOver;
  }
  const microseconds expected = last + mean_interval_;
  // At most half an interval either way, so an old lag is made up at one and a half times the pace.
  const microseconds most = mean_interval_ / 2;
  return expected + std::clamp((received_at - expected) / kPullOver, -most, most);
}

}  // namespace longtake::media
