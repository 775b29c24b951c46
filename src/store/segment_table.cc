#include "store/segment_table.h"

#include <algorithm>

namespace longtake::store {

namespace {

constexpr std::size_t kSpanBytes = 16;

StoredSegment stored_from(const sqlite::Rows& rows) {
  StoredSegment row;
  row.id.run.value = static_cast<std::uint64_t>(rows.integer(0));
  row.id.sequence = static_cast<std::uint32_t>(rows.integer(1));
  row.day = rows.text(2);
  row.range = {rows.wall_time(3), rows.wall_time(4)};
  row.size_bytes = static_cast<std::uint64_t>(rows.integer(5));
  row.state = static_cast<SegmentState>(rows.integer(6));
  row.is_recovered = rows.integer(7) != 0;
  if (row.state != SegmentState::kOpen) row.spans = decode_spans(rows.blob(8), row.range);
  return row;
}

}  // namespace

std::optional<Bytes> encode_spans(const std::vector<TimeRange>& spans) {
  if (spans.size() <= 1) return std::nullopt;
  Bytes blob;
  ByteWriter out(blob);
  for (const TimeRange& span : spans) {
    out.i64(span.start.time_since_epoch().count()).i64(span.end.time_since_epoch().count());
  }
  return blob;
}

std::vector<TimeRange> decode_spans(ByteSpan blob, TimeRange range) {
  std::vector<TimeRange> spans;
  if (blob.empty()) {
    if (!range.is_empty()) spans.push_back(range);
    return spans;
  }
  Cursor in(blob);
  const auto time = [&] {
    return WallTime(microseconds(static_cast<std::int64_t>(in.u64().value_or(0))));
  };
  while (in.remaining() >= kSpanBytes) {
    const WallTime start = time();
    spans.push_back({start, time()});
  }
  return spans;
}

Result<std::unique_ptr<SegmentTable>> SegmentTable::prepare(sqlite::Database& database) {
  auto table = std::make_unique<SegmentTable>();
  LT_ASSIGN(table->spans_, RangeTable::prepare(database, RangeTable::Which::kSpans));
  LT_ASSIGN(table->find_,
            database.prepare("SELECT run, sequence, day, start_us, end_us, size_bytes, state,"
                             " is_recovered, spans FROM segments"
                             " WHERE recording = ?1 AND run = ?2 AND sequence = ?3"));
  LT_ASSIGN(table->of_run_,
            database.prepare("SELECT run, sequence, day, start_us, end_us, size_bytes, state,"
                             " is_recovered, spans FROM segments"
                             " WHERE recording = ?1 AND run = ?2"));
  LT_ASSIGN(
      table->overlapping_,
      database.prepare("SELECT start_us, end_us, spans FROM segments WHERE recording = ?1"
                       " AND start_us >= ?2 - (SELECT value FROM meta WHERE key ="
                       " 'longest_segment_us') AND start_us < ?3 AND end_us > ?2 AND state = 2"));
  LT_ASSIGN(table->insert_, database.prepare("INSERT OR REPLACE INTO segments VALUES"
                                             " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
  LT_ASSIGN(
      table->remove_,
      database.prepare("DELETE FROM segments WHERE recording = ?1 AND run = ?2 AND sequence = ?3"));
  LT_ASSIGN(table->sum_up_,
            database.prepare("UPDATE recordings SET closed_bytes = closed_bytes + ?2,"
                             " closed_segments = closed_segments + ?3 WHERE id = ?1"));
  LT_ASSIGN(table->raise_longest_,
            database.prepare("UPDATE meta SET value = ?1"
                             " WHERE key = 'longest_segment_us' AND value < ?1"));
  return table;
}

Result<std::optional<StoredSegment>> SegmentTable::find(media::RecordingId recording,
                                                        media::SegmentId id) {
  sqlite::Rows rows = find_.query(recording.value, id.run.value, id.sequence);
  LT_ASSIGN(const bool has_row, rows.next());
  if (!has_row) return std::optional<StoredSegment>();
  return std::optional(stored_from(rows));
}

Result<void> SegmentTable::write(media::RecordingId recording, const StoredSegment& row) {
  // Rare: the schema starts with ten minutes, the cap of a segment.
  constexpr microseconds kUsualLongest = std::chrono::minutes(10);
  if (row.range.length() > kUsualLongest) LT_TRY(raise_longest_.run(row.range.length()));
  const std::optional<Bytes> blob = encode_spans(row.spans);
  const std::optional<ByteSpan> bound = blob ? std::optional<ByteSpan>(*blob) : std::nullopt;
  return insert_.run(recording.value, row.id.run.value, row.id.sequence, row.day, row.range.start,
                     row.range.end, row.size_bytes, static_cast<int>(row.state),
                     row.is_recovered ? 1 : 0, bound);
}

Result<void> SegmentTable::put(media::RecordingId recording, const StoredSegment& row,
                               const std::optional<StoredSegment>& old) {
  LT_TRY(write(recording, row));
  if (old) LT_TRY(uncount(recording, *old));
  return count(recording, row);
}

Result<void> SegmentTable::remove(media::RecordingId recording, const StoredSegment& row) {
  LT_TRY(remove_.run(recording.value, row.id.run.value, row.id.sequence));
  return uncount(recording, row);
}

Result<void> SegmentTable::shift_run(media::RecordingId recording, media::RunId run,
                                     microseconds by) {
  std::vector<StoredSegment> before;
  {
    sqlite::Rows rows = of_run_.query(recording.value, run.value);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row) break;
      before.push_back(stored_from(rows));
    }
  }
  std::vector<StoredSegment> after = before;
  for (StoredSegment& row : after) {
    row.range = {row.range.start + by, row.range.end + by};
    for (TimeRange& span : row.spans) span = {span.start + by, span.end + by};
    LT_TRY(write(recording, row));
  }
  // All rows stand where they belong before time is taken away, so that none gives back time it no longer has.
  for (const StoredSegment& row : before) LT_TRY(uncount(recording, row));
  for (const StoredSegment& row : after) LT_TRY(count(recording, row));
  return {};
}

Result<void> SegmentTable::count(media::RecordingId recording, const StoredSegment& row) {
  if (row.state != SegmentState::kClosed) return {};
  for (const TimeRange& span : row.spans) LT_TRY(spans_->add(recording, span));
  return sum_up(recording, static_cast<std::int64_t>(row.size_bytes), 1);
}

Result<void> SegmentTable::uncount(media::RecordingId recording, const StoredSegment& row) {
  if (row.state != SegmentState::kClosed) return {};
  LT_TRY(uncover(recording, row.spans));
  return sum_up(recording, -static_cast<std::int64_t>(row.size_bytes), -1);
}

Result<void> SegmentTable::sum_up(media::RecordingId recording, std::int64_t bytes,
                                  std::int64_t segments) {
  return sum_up_.run(recording.value, bytes, segments);
}

Result<void> SegmentTable::uncover(media::RecordingId recording,
                                   const std::vector<TimeRange>& spans) {
  if (spans.empty()) return {};
  for (const TimeRange& span : spans) LT_TRY(spans_->subtract(recording, span));
  std::vector<TimeRange>
      still;  // after a backward step of the clock two segments may tell the same time
  {
    sqlite::Rows rows = overlapping_.query(recording.value, spans.front().start, spans.back().end);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row) break;
      const TimeRange range{rows.wall_time(0), rows.wall_time(1)};
      for (const TimeRange& span : decode_spans(rows.blob(2), range)) still.push_back(span);
    }
  }
  for (const TimeRange& span : still) LT_TRY(spans_->add(recording, span));
  return {};
}

}  // namespace longtake::store
