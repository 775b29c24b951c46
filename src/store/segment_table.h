#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "media/coverage.h"
#include "store/catalog.h"
#include "store/range_table.h"
#include "store/sqlite.h"

namespace longtake::store {

/// The span list of a row as a blob; nothing where the row's start and end say it all.
std::optional<Bytes> encode_spans(const std::vector<TimeRange>& spans);
/// `blob` empty: the one span `range`, or none when that is empty.
std::vector<TimeRange> decode_spans(ByteSpan blob, TimeRange range);

/// A row of `segments` as the writer handles it: times effective, spans in order.
struct StoredSegment {
  media::SegmentId id;
  std::string day;
  TimeRange range;
  std::vector<TimeRange> spans;
  std::uint64_t size_bytes = 0;
  SegmentState state = SegmentState::kOpen;
  bool is_recovered = false;
  friend bool operator==(const StoredSegment&, const StoredSegment&) = default;
};

/// Segment rows and everything that is summed up from them: merged spans, bytes and count of a recording. Each change
/// leaves those as if they had been computed from the rows alone.
class SegmentTable {
 public:
  static Result<std::unique_ptr<SegmentTable>> prepare(sqlite::Database& database);

  Result<std::optional<StoredSegment>> find(media::RecordingId recording, media::SegmentId id);
  /// Inserts the row, or replaces the one with the same id.
  Result<void> put(media::RecordingId recording, const StoredSegment& row,
                   const std::optional<StoredSegment>& old);
  Result<void> remove(media::RecordingId recording, const StoredSegment& row);
  /// Moves every segment of a run.
  Result<void> shift_run(media::RecordingId recording, media::RunId run, microseconds by);

 private:
  /// What a closed row counts for; nothing for the other states.
  Result<void> uncount(media::RecordingId recording, const StoredSegment& row);
  Result<void> count(media::RecordingId recording, const StoredSegment& row);
  /// Takes time away, except where closed segments still have it.
  Result<void> uncover(media::RecordingId recording, const std::vector<TimeRange>& spans);
  Result<void> sum_up(media::RecordingId recording, std::int64_t bytes, std::int64_t segments);
  Result<void> write(media::RecordingId recording, const StoredSegment& row);

  std::unique_ptr<RangeTable> spans_;
  sqlite::Statement find_;
  sqlite::Statement of_run_;
  sqlite::Statement overlapping_;
  sqlite::Statement insert_;
  sqlite::Statement remove_;
  sqlite::Statement sum_up_;
  sqlite::Statement raise_longest_;
};

}  // namespace longtake::store
