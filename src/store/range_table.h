#pragma once

#include <memory>

#include "media/fragment_index.h"
#include "store/sqlite.h"

namespace longtake::store {

/// A union of time ranges per recording, kept as rows that neither overlap nor touch: equal unions are equal rows,
/// in whatever order they were told.
class RangeTable {
 public:
  enum class Which { kSpans, kArmed };
  static Result<std::unique_ptr<RangeTable>> prepare(sqlite::Database& database, Which which);

  /// Empty ranges change nothing, here and below.
  Result<void> add(media::RecordingId recording, TimeRange range);
  Result<void> subtract(media::RecordingId recording, TimeRange range);

 private:
  sqlite::Statement to_left_;
  sqlite::Statement remove_;
  sqlite::Statement insert_;
  sqlite::Statement move_end_;
};

}  // namespace longtake::store
