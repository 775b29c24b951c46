#include <algorithm>

#include "store/catalog.h"
#include "store/segment_table.h"
#include "store/sqlite.h"

namespace longtake::store {

namespace {

constexpr std::string_view kRecordingsSql =
    "SELECT r.id, r.name, r.created_us, r.armed_since_us, r.closed_bytes, r.closed_segments,"
    " (SELECT s.start_us FROM spans AS s WHERE s.recording = r.id ORDER BY s.start_us LIMIT 1),"
    " (SELECT s.end_us FROM spans AS s WHERE s.recording = r.id ORDER BY s.start_us DESC LIMIT 1)"
    " FROM recordings AS r WHERE ?1 IS NULL OR r.id = ?1 ORDER BY r.name, r.id";

// Disjoint rows by start: those that touch [?2, ?3) are the last one that starts at or before ?2 and what follows.
constexpr std::string_view kSpansSql =
    "SELECT max(start_us, ?2), min(end_us, ?3) FROM spans WHERE recording = ?1 AND start_us < ?3"
    " AND start_us >= coalesce((SELECT f.start_us FROM spans AS f WHERE f.recording = ?1"
    " AND f.start_us <= ?2 ORDER BY f.start_us DESC LIMIT 1), ?2) AND end_us > ?2"
    " ORDER BY start_us";
constexpr std::string_view kArmedSql =
    "SELECT max(start_us, ?2), min(end_us, ?3) FROM armed WHERE recording = ?1 AND start_us < ?3"
    " AND start_us >= coalesce((SELECT f.start_us FROM armed AS f WHERE f.recording = ?1"
    " AND f.start_us <= ?2 ORDER BY f.start_us DESC LIMIT 1), ?2) AND end_us > ?2"
    " ORDER BY start_us";
constexpr std::string_view kReasonsSql =
    "SELECT max(start_us, ?2), min(end_us, ?3), reason, is_after_gap FROM reasons"
    " WHERE recording = ?1 AND start_us < ?3"
    " AND start_us >= coalesce((SELECT f.start_us FROM reasons AS f WHERE f.recording = ?1"
    " AND f.start_us <= ?2 ORDER BY f.start_us DESC LIMIT 1), ?2) AND end_us > ?2"
    " ORDER BY start_us";
constexpr std::string_view kDegradedSql =
    "SELECT max(start_us, ?2), min(end_us, ?3), count FROM degraded"
    " WHERE recording = ?1 AND reason = ?4 AND start_us < ?3"
    " AND start_us >= coalesce((SELECT f.start_us FROM degraded AS f WHERE f.recording = ?1"
    " AND f.reason = ?4 AND f.start_us <= ?2 ORDER BY f.start_us DESC LIMIT 1), ?2) AND end_us > ?2"
    " ORDER BY start_us";
constexpr std::string_view kOpenSql =
    "SELECT armed_since_us, gap_since_us, gap_reason FROM recordings WHERE id = ?1";

// No segment is longer than meta says, so that the index by start bounds the search on both sides.
constexpr std::string_view kSegmentsSql =
    "SELECT recording, run, sequence, day, start_us, end_us, size_bytes, state, is_recovered, spans"
    " FROM segments WHERE recording = ?1 AND start_us < ?3 AND start_us >= ?2 -"
    " (SELECT value FROM meta WHERE key = 'longest_segment_us')"
    " AND (end_us > ?2 OR state = 1) AND state <> 3 ORDER BY start_us, run, sequence LIMIT ?4";
constexpr std::string_view kSegmentSql =
    "SELECT recording, run, sequence, day, start_us, end_us, size_bytes, state, is_recovered, spans"
    " FROM segments WHERE recording = ?1 AND run = ?2 AND sequence = ?3";
constexpr std::string_view kOldestSql =
    "SELECT recording, run, sequence, day, start_us, end_us, size_bytes, state, is_recovered, spans"
    " FROM segments WHERE recording = ?1 AND state = 2 ORDER BY end_us, run, sequence LIMIT ?2";
constexpr std::string_view kClosedSql =
    "SELECT recording, run, sequence, day, start_us, end_us, size_bytes, state, is_recovered, spans"
    " FROM segments WHERE state = 2 LIMIT ?1";
constexpr std::string_view kUnclosedSql =
    "SELECT recording, run, sequence, day, start_us, end_us, size_bytes, state, is_recovered, spans"
    " FROM segments WHERE state <> 2 AND state = ?2 LIMIT ?1";

std::optional<WallTime> time_at(const sqlite::Rows& rows, int column) {
  return rows.is_null(column) ? std::nullopt : std::optional(rows.wall_time(column));
}

TimeRange range_at(const sqlite::Rows& rows, int column) {
  return {rows.wall_time(column), rows.wall_time(column + 1)};
}

std::int64_t bounded(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, 1U << 30U));
}

RecordingRow recording_from(const sqlite::Rows& rows) {
  RecordingRow row;
  row.id.value = static_cast<std::uint64_t>(rows.integer(0));
  row.name = rows.text(1);
  row.created = rows.wall_time(2);
  row.is_armed = !rows.is_null(3);
  row.size_bytes = static_cast<std::uint64_t>(rows.integer(4));
  row.segment_count = static_cast<std::uint64_t>(rows.integer(5));
  row.first = time_at(rows, 6);
  row.last = time_at(rows, 7);
  return row;
}

SegmentRow segment_from(const sqlite::Rows& rows) {
  SegmentRow row;
  row.recording.value = static_cast<std::uint64_t>(rows.integer(0));
  row.id.run.value = static_cast<std::uint64_t>(rows.integer(1));
  row.id.sequence = static_cast<std::uint32_t>(rows.integer(2));
  row.day = rows.text(3);
  row.range = range_at(rows, 4);
  row.size_bytes = static_cast<std::uint64_t>(rows.integer(6));
  row.state = static_cast<SegmentState>(rows.integer(7));
  row.is_recovered = rows.integer(8) != 0;
  row.spans = decode_spans(rows.blob(9), row.range);
  return row;
}

template <class Take>
Result<void> take_all(sqlite::Rows&& rows, Take take) {
  while (true) {
    LT_ASSIGN(const bool has_row, rows.next());
    if (!has_row) return {};
    take(rows);
  }
}

class Reader final : public CatalogReader {
 public:
  Result<void> prepare(const std::string& path) {
    LT_ASSIGN(database_, sqlite::Database::open(path, sqlite::Access::kRead));
    const std::pair<sqlite::Statement*, std::string_view> statements[] = {
        {&recordings_, kRecordingsSql}, {&spans_, kSpansSql},       {&armed_, kArmedSql},
        {&reasons_, kReasonsSql},       {&degraded_, kDegradedSql}, {&open_, kOpenSql},
        {&segments_, kSegmentsSql},     {&segment_, kSegmentSql},   {&oldest_, kOldestSql},
        {&closed_, kClosedSql},         {&unclosed_, kUnclosedSql}};
    for (const auto& [statement, sql] : statements) {
      LT_ASSIGN(*statement, database_->prepare(sql));
    }
    return {};
  }

  Result<std::vector<RecordingRow>> recordings() override {
    std::vector<RecordingRow> rows;
    LT_TRY(take_all(recordings_.query(std::nullopt),
                    [&](const sqlite::Rows& row) { rows.push_back(recording_from(row)); }));
    return rows;
  }

  Result<std::optional<RecordingRow>> recording(media::RecordingId id) override {
    std::optional<RecordingRow> found;
    LT_TRY(take_all(recordings_.query(id.value),
                    [&](const sqlite::Rows& row) { found = recording_from(row); }));
    return found;
  }

  Result<Coverage> coverage(media::RecordingId id, TimeRange within) override;

  Result<std::vector<SegmentRow>> segments(media::RecordingId id, TimeRange within,
                                           std::size_t limit) override {
    return segment_rows(segments_.query(id.value, within.start, within.end, bounded(limit)));
  }

  Result<std::optional<SegmentRow>> segment(media::RecordingId id,
                                            media::SegmentId segment) override {
    LT_ASSIGN(const std::vector<SegmentRow> rows,
              segment_rows(segment_.query(id.value, segment.run.value, segment.sequence)));
    return rows.empty() ? std::optional<SegmentRow>() : std::optional(rows.front());
  }

  Result<std::vector<SegmentRow>> oldest_closed(media::RecordingId id, std::size_t limit) override {
    return segment_rows(oldest_.query(id.value, bounded(limit)));
  }

  Result<std::vector<SegmentRow>> in_state(SegmentState state, std::size_t limit) override {
    if (state == SegmentState::kClosed) return segment_rows(closed_.query(bounded(limit)));
    return segment_rows(unclosed_.query(bounded(limit), static_cast<int>(state)));
  }

  Result<std::uint64_t> applied_sequence() override {
    LT_ASSIGN(const std::int64_t applied,
              database_->integer("SELECT value FROM meta WHERE key = 'applied_sequence'"));
    return static_cast<std::uint64_t>(applied);
  }

 private:
  static Result<std::vector<SegmentRow>> segment_rows(sqlite::Rows&& query) {
    std::vector<SegmentRow> rows;
    LT_TRY(take_all(std::move(query),
                    [&](const sqlite::Rows& row) { rows.push_back(segment_from(row)); }));
    return rows;
  }
  Result<void> add_reasons(media::RecordingId id, TimeRange within, Coverage& coverage);
  Result<void> add_degraded(media::RecordingId id, TimeRange within, Coverage& coverage);

  std::unique_ptr<sqlite::Database> database_;
  sqlite::Statement recordings_, spans_, armed_, reasons_, degraded_, open_;
  sqlite::Statement segments_, segment_, oldest_, closed_, unclosed_;
};

Result<Coverage> Reader::coverage(media::RecordingId id, TimeRange within) {
  Coverage coverage;
  if (within.is_empty()) return coverage;
  // One view of all tables, whatever the writer does meanwhile.
  LT_TRY(database_->run_script("BEGIN"));
  const auto read = [&]() -> Result<void> {
    LT_TRY(take_all(spans_.query(id.value, within.start, within.end),
                    [&](const sqlite::Rows& row) { coverage.recorded.add(range_at(row, 0)); }));
    LT_TRY(take_all(armed_.query(id.value, within.start, within.end),
                    [&](const sqlite::Rows& row) { coverage.armed.add(range_at(row, 0)); }));
    LT_TRY(add_reasons(id, within, coverage));
    return add_degraded(id, within, coverage);
  };
  auto done = read();
  LT_TRY(database_->run_script("COMMIT"));
  if (!done) return std::unexpected(std::move(done).error());
  return coverage;
}

Result<void> Reader::add_reasons(media::RecordingId id, TimeRange within, Coverage& coverage) {
  std::vector<media::ReasonSpan> after_gap;
  LT_TRY(take_all(reasons_.query(id.value, within.start, within.end), [&](const sqlite::Rows& row) {
    const auto reason = media::reason_from_number(static_cast<std::uint64_t>(row.integer(2)));
    if (!reason) return;
    auto& layer = row.integer(3) != 0 ? after_gap : coverage.reasons;
    layer.push_back({range_at(row, 0), *reason});
  }));
  LT_TRY(take_all(open_.query(id.value), [&](const sqlite::Rows& row) {
    if (const auto since = time_at(row, 0))
      coverage.armed.add({std::max(*since, within.start), within.end});
    const auto gap = time_at(row, 1);
    const auto reason = media::reason_from_number(static_cast<std::uint64_t>(row.integer(2)));
    // Its end stays open: that is how a timeline knows that it lasts.
    if (gap && reason && *gap < within.end)
      coverage.reasons.push_back({{std::max(*gap, within.start), WallTime::max()}, *reason});
  }));
  coverage.reasons.insert(coverage.reasons.end(), after_gap.begin(), after_gap.end());
  return {};
}

Result<void> Reader::add_degraded(media::RecordingId id, TimeRange within, Coverage& coverage) {
  // Rows of one reason are disjoint, those of several are not: asked for one by one the index serves.
  for (const media::ReasonEntry& entry : media::reason_table()) {
    const auto reason = static_cast<int>(entry.reason);
    LT_TRY(take_all(
        degraded_.query(id.value, within.start, within.end, reason), [&](const sqlite::Rows& row) {
          coverage.degraded.push_back(
              {range_at(row, 0), entry.reason, static_cast<std::uint64_t>(row.integer(2))});
        }));
  }
  std::ranges::sort(coverage.degraded, {},
                    [](const media::Degraded& row) { return std::pair(row.range, row.reason); });
  return {};
}

}  // namespace

Result<std::unique_ptr<CatalogReader>> CatalogReader::open(const std::string& path) {
  auto reader = std::make_unique<Reader>();
  auto prepared = reader->prepare(path);
  if (!prepared) return std::unexpected(std::move(prepared).error().in("catalog " + path));
  return std::unique_ptr<CatalogReader>(std::move(reader));
}

}  // namespace longtake::store
