#pragma once

#include "base/time.h"

namespace longtake::media {

/// Spaces units evenly by when they were received, for a track whose own times cannot be believed:
/// each follows the last by the mean interval, gently pulled toward its receipt. A silence is kept
/// as a hole.
class ReceiptSpacer {
 public:
  ReceiptSpacer() = default;
  /// `last_receipt` of the last unit that was spaced otherwise; `interval` is a first guess, 0 for
  /// none.
  ReceiptSpacer(microseconds last_receipt, microseconds interval);

  /// Position of a unit taken at `receipt` in a run that begins at `base`, both on the monotonic
  /// clock; the unit before it was placed at `last`. Never below `last`.
  microseconds next(microseconds last, microseconds receipt, microseconds base);

 private:
  microseconds last_receipt_{0};
  microseconds mean_interval_{0};  // of receipt, holes left out; 0: not known yet
};

}  // namespace longtake::media
