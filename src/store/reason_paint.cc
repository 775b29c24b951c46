#include "store/reason_paint.h"

namespace longtake::store {

Result<std::unique_ptr<ReasonPaint>> ReasonPaint::prepare(sqlite::Database& database) {
  auto paint = std::make_unique<ReasonPaint>();
  LT_ASSIGN(paint->to_left_,
            database.prepare("SELECT start_us, end_us, reason, is_after_gap FROM reasons"
                             " WHERE recording = ?1 AND start_us <= ?2 ORDER BY start_us DESC"));
  LT_ASSIGN(paint->above_,
            database.prepare("SELECT start_us, end_us, reason FROM reasons"
                             " WHERE recording = ?1 AND is_after_gap = 1 ORDER BY start_us"));
  LT_ASSIGN(paint->remove_,
            database.prepare("DELETE FROM reasons WHERE recording = ?1 AND start_us = ?2"));
  LT_ASSIGN(paint->insert_, database.prepare("INSERT INTO reasons VALUES (?1, ?2, ?3, ?4, ?5)"));
  return paint;
}

Result<void> ReasonPaint::paint(media::RecordingId recording, media::ReasonSpan span, Layer layer) {
  if (span.range.is_empty() || entry_of(span.reason).effect == media::Effect::kDamaged) return {};
  return paint_row(recording, {span.range, static_cast<int>(span.reason), static_cast<int>(layer)});
}

/// Rows that overlap or touch.
Result<std::vector<ReasonPaint::Row>> ReasonPaint::rows_meeting(media::RecordingId recording,
                                                                TimeRange range) {
  std::vector<Row> met;
  sqlite::Rows rows = to_left_.query(recording.value, range.end);
  while (true) {
    LT_ASSIGN(const bool has_row, rows.next());
    if (!has_row || rows.wall_time(1) < range.start) return met;
    met.push_back({{rows.wall_time(0), rows.wall_time(1)},
                   static_cast<int>(rows.integer(2)),
                   static_cast<int>(rows.integer(3))});
  }
}

Result<void> ReasonPaint::paint_row(media::RecordingId recording, Row row) {
  LT_ASSIGN(const std::vector<Row> met, rows_meeting(recording, row.range));
  const auto insert = [&](TimeRange range, const Row& as) {
    return insert_.run(recording.value, range.start, range.end, as.reason, as.layer);
  };
  TimeRange painted = row.range;
  for (const Row& old : met) {
    const bool is_same = old.reason == row.reason && old.layer == row.layer;
    const bool overlaps = old.range.start < row.range.end && row.range.start < old.range.end;
    if (!is_same && !overlaps) continue;  // a neighbour of another colour
    LT_TRY(remove_.run(recording.value, old.range.start));
    if (is_same) {
      painted.start = std::min(painted.start, old.range.start);
      painted.end = std::max(painted.end, old.range.end);
      continue;
    }
    if (old.range.start < row.range.start) LT_TRY(insert({old.range.start, row.range.start}, old));
    if (row.range.end < old.range.end) LT_TRY(insert({row.range.end, old.range.end}, old));
  }
  return insert(painted, row);
}

Result<void> ReasonPaint::settle_gap(media::RecordingId recording, media::ReasonSpan gap) {
  std::vector<Row> above;
  {
    sqlite::Rows rows = above_.query(recording.value);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row) break;
      above.push_back(
          {{rows.wall_time(0), rows.wall_time(1)}, static_cast<int>(rows.integer(2)), 0});
    }
  }
  for (const Row& row : above) LT_TRY(remove_.run(recording.value, row.range.start));
  LT_TRY(paint(recording, gap, Layer::kBelowGap));
  for (const Row& row : above) LT_TRY(paint_row(recording, row));
  return {};
}

}  // namespace longtake::store
