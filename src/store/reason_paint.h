#pragma once

#include <memory>
#include <vector>

#include "media/coverage.h"
#include "media/fragment_index.h"
#include "store/sqlite.h"

namespace longtake::store {

/// Which reason holds when, per recording: each new reason paints over what was there, so that no order has to be
/// kept and touching stretches of one reason are one row (a year of retention is one).
///
/// Layers     reasons told while a gap is open outrank it, those told before do not: the first kind lies above (its rows
///            say `is_after_gap`) until the gap closes and is itself painted between the two.
class ReasonPaint {
 public:
  enum class Layer { kBelowGap = 0, kAboveGap = 1 };
  static Result<std::unique_ptr<ReasonPaint>> prepare(sqlite::Database& database);

  /// Nothing for an empty range, and for a reason that never explains missing time (media::explain ignores it too).
  Result<void> paint(media::RecordingId recording, media::ReasonSpan span, Layer layer);
  /// The gap is over: paints it below what was told meanwhile, which becomes ordinary.
  Result<void> settle_gap(media::RecordingId recording, media::ReasonSpan gap);

 private:
  struct Row {
    TimeRange range;
    int reason = 0;
    int layer = 0;
  };
  Result<std::vector<Row>> rows_meeting(media::RecordingId recording, TimeRange range);
  Result<void> paint_row(media::RecordingId recording, Row row);

  sqlite::Statement to_left_;
  sqlite::Statement above_;
  sqlite::Statement remove_;
  sqlite::Statement insert_;
};

}  // namespace longtake::store
