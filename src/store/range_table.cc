#include "store/range_table.h"

#include <algorithm>
#include <vector>

namespace longtake::store {

namespace {

struct Sql {
  std::string_view to_left;
  std::string_view remove;
  std::string_view insert;
  std::string_view move_end;
};
constexpr Sql kSpansSql = {
    "SELECT start_us, end_us FROM spans WHERE recording = ?1 AND start_us <= ?2"
    " ORDER BY start_us DESC",
    "DELETE FROM spans WHERE recording = ?1 AND start_us = ?2",
    "INSERT INTO spans VALUES (?1, ?2, ?3)",
    "UPDATE spans SET end_us = ?3 WHERE recording = ?1 AND start_us = ?2"};
constexpr Sql kArmedSql = {
    "SELECT start_us, end_us FROM armed WHERE recording = ?1 AND start_us <= ?2"
    " ORDER BY start_us DESC",
    "DELETE FROM armed WHERE recording = ?1 AND start_us = ?2",
    "INSERT INTO armed VALUES (?1, ?2, ?3)",
    "UPDATE armed SET end_us = ?3 WHERE recording = ?1 AND start_us = ?2"};

}  // namespace

Result<std::unique_ptr<RangeTable>> RangeTable::prepare(sqlite::Database& database, Which which) {
  const Sql& sql = which == Which::kSpans ? kSpansSql : kArmedSql;
  auto table = std::make_unique<RangeTable>();
  LT_ASSIGN(table->to_left_, database.prepare(sql.to_left));
  LT_ASSIGN(table->remove_, database.prepare(sql.remove));
  LT_ASSIGN(table->insert_, database.prepare(sql.insert));
  LT_ASSIGN(table->move_end_, database.prepare(sql.move_end));
  return table;
}

Result<void> RangeTable::add(media::RecordingId recording, TimeRange range) {
  if (range.is_empty()) return {};
  std::vector<TimeRange> met;  // overlapping or touching, newest first
  {
    sqlite::Rows rows = to_left_.query(recording.value, range.end);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row || rows.wall_time(1) < range.start) break;  // the rest ends even earlier
      met.push_back({rows.wall_time(0), rows.wall_time(1)});
    }
  }
  if (met.size() == 1 && met[0].start <= range.start) {  // recorded time grows at its end
    if (met[0].end >= range.end) return {};
    return move_end_.run(recording.value, met[0].start, range.end);
  }
  for (const TimeRange& part : met) {
    LT_TRY(remove_.run(recording.value, part.start));
    range.start = std::min(range.start, part.start);
    range.end = std::max(range.end, part.end);
  }
  return insert_.run(recording.value, range.start, range.end);
}

Result<void> RangeTable::subtract(media::RecordingId recording, TimeRange range) {
  if (range.is_empty()) return {};
  std::vector<TimeRange> met;
  {
    sqlite::Rows rows = to_left_.query(recording.value, range.end);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row || rows.wall_time(1) <= range.start) break;
      if (rows.wall_time(0) < range.end) met.push_back({rows.wall_time(0), rows.wall_time(1)});
    }
  }
  for (const TimeRange& part : met) {
    if (part.start < range.start) {
      LT_TRY(move_end_.run(recording.value, part.start, range.start));
    } else {
      LT_TRY(remove_.run(recording.value, part.start));
    }
    if (part.end > range.end) LT_TRY(insert_.run(recording.value, range.end, part.end));
  }
  return {};
}

}  // namespace longtake::store
