#include "store/catalog_snapshot.h"

#include <utility>

#include "store/segment_table.h"

namespace longtake::store {

namespace {

media::RecordingId recording_at(const sqlite::Rows& rows, int column) {
  return {static_cast<std::uint64_t>(rows.integer(column))};
}
media::Reason reason_at(const sqlite::Rows& rows, int column) {
  return media::reason_from_number(static_cast<std::uint64_t>(rows.integer(column)))
      .value_or(media::Reason::kLedgerLost);
}

/// Calls `take` with each row.
template <class Take>
Result<void> each_row(sqlite::Database& database, std::string_view sql, Take take) {
  LT_ASSIGN(sqlite::Statement statement, database.prepare(sql));
  sqlite::Rows rows = statement.query();
  while (true) {
    LT_ASSIGN(const bool has_row, rows.next());
    if (!has_row) return {};
    take(rows);
  }
}

Result<void> add_process(sqlite::Database& database, std::vector<Fact>& facts) {
  return each_row(database, "SELECT start, boot_id, started_us, stopped_us FROM process",
                  [&](const sqlite::Rows& rows) {
                    const auto start = static_cast<std::uint64_t>(rows.integer(0));
                    facts.emplace_back(ProcessStarted{start, rows.text(1), rows.wall_time(2)});
                    if (!rows.is_null(3))
                      facts.emplace_back(ProcessStopped{start, rows.wall_time(3)});
                  });
}

Result<void> add_recordings(sqlite::Database& database, std::vector<Fact>& facts) {
  return each_row(database, "SELECT id, name, created_us FROM recordings ORDER BY id",
                  [&](const sqlite::Rows& rows) {
                    facts.emplace_back(
                        RecordingCreated{recording_at(rows, 0), rows.text(1), rows.wall_time(2)});
                  });
}

Result<void> add_armed(sqlite::Database& database, std::vector<Fact>& facts) {
  LT_TRY(each_row(database,
                  "SELECT recording, start_us, end_us FROM armed ORDER BY recording, start_us",
                  [&](const sqlite::Rows& rows) {
                    facts.emplace_back(Armed{recording_at(rows, 0), rows.wall_time(1)});
                    facts.emplace_back(Disarmed{recording_at(rows, 0), rows.wall_time(2)});
                  }));
  return each_row(database,
                  "SELECT id, armed_since_us FROM recordings WHERE armed_since_us IS NOT NULL",
                  [&](const sqlite::Rows& rows) {
                    facts.emplace_back(Armed{recording_at(rows, 0), rows.wall_time(1)});
                  });
}

// The upper bits of a run are the start of the program it began in (media/fragment_index.h).
constexpr std::string_view kLivingRuns =
    "SELECT r.recording, r.run, r.redate_us FROM runs AS r WHERE EXISTS (SELECT 1 FROM segments AS "
    "s"
    " WHERE s.recording = r.recording AND s.run = r.run)"
    " OR r.run >> 24 >= coalesce((SELECT start FROM process), 0) ORDER BY r.recording, r.run";

Result<void> add_segments(sqlite::Database& database, std::vector<Fact>& facts) {
  LT_TRY(each_row(database, kLivingRuns, [&](const sqlite::Rows& rows) {
    facts.emplace_back(RunRedated{recording_at(rows, 0),
                                  {static_cast<std::uint64_t>(rows.integer(1))},
                                  microseconds(rows.integer(2))});
  }));
  return each_row(
      database,
      "SELECT s.recording, s.run, s.sequence, s.day, s.start_us - coalesce(r.redate_us, 0), s.state"
      " FROM segments AS s LEFT JOIN runs AS r ON r.recording = s.recording AND r.run = s.run"
      " WHERE s.state <> 2 ORDER BY s.recording, s.run, s.sequence",
      [&](const sqlite::Rows& rows) {
        const media::SegmentId id{{static_cast<std::uint64_t>(rows.integer(1))},
                                  static_cast<std::uint32_t>(rows.integer(2))};
        if (rows.integer(5) == static_cast<int>(SegmentState::kOpen)) {
          facts.emplace_back(
              SegmentOpened{recording_at(rows, 0), id, rows.text(3), rows.wall_time(4)});
        } else {
          facts.emplace_back(
              SegmentDeleted{recording_at(rows, 0), id, media::Reason::kRetention, {}});
        }
      });
}

Result<void> add_reasons(sqlite::Database& database, std::vector<Fact>& facts, bool above_gap) {
  const auto add = [&](const sqlite::Rows& rows) {
    facts.emplace_back(GapNoted{
        recording_at(rows, 0), {rows.wall_time(1), rows.wall_time(2)}, reason_at(rows, 3), {}});
  };
  return above_gap ? each_row(database,
                              "SELECT recording, start_us, end_us, reason FROM reasons"
                              " WHERE is_after_gap = 1 ORDER BY recording, start_us",
                              add)
                   : each_row(database,
                              "SELECT recording, start_us, end_us, reason FROM reasons"
                              " WHERE is_after_gap = 0 ORDER BY recording, start_us",
                              add);
}

Result<void> add_gaps(sqlite::Database& database, std::vector<Fact>& facts) {
  LT_TRY(add_reasons(database, facts, false));
  LT_TRY(
      each_row(database,
               "SELECT id, gap_since_us, gap_reason FROM recordings WHERE gap_since_us IS NOT NULL",
               [&](const sqlite::Rows& rows) {
                 facts.emplace_back(
                     GapOpened{recording_at(rows, 0), rows.wall_time(1), reason_at(rows, 2), {}});
               }));
  // Told while the gap was open: told again behind it.
  return add_reasons(database, facts, true);
}

Result<void> add_degraded(sqlite::Database& database, std::vector<Fact>& facts) {
  return each_row(
      database,
      "SELECT d.recording, d.start_us, d.end_us, d.reason, d.count FROM degraded AS d WHERE NOT"
      " coalesce(d.end_us <= (SELECT min(s.start_us) FROM spans AS s"
      " WHERE s.recording = d.recording), 0) ORDER BY d.recording, d.reason, d.start_us",
      [&](const sqlite::Rows& rows) {
        facts.emplace_back(DegradedNoted{recording_at(rows, 0),
                                         {rows.wall_time(1), rows.wall_time(2)},
                                         reason_at(rows, 3),
                                         static_cast<std::uint64_t>(rows.integer(4))});
      });
}

}  // namespace

Result<std::vector<Fact>> living_facts(sqlite::Database& database) {
  std::vector<Fact> facts;
  LT_TRY(add_process(database, facts));
  LT_TRY(add_recordings(database, facts));
  LT_TRY(add_armed(database, facts));
  LT_TRY(add_segments(database, facts));
  LT_TRY(add_gaps(database, facts));
  LT_TRY(add_degraded(database, facts));
  return facts;
}

Result<void> forget_dead(sqlite::Database& database) {
  LT_TRY(
      database.run_script("DELETE FROM runs AS r WHERE NOT EXISTS (SELECT 1 FROM segments AS s"
                          " WHERE s.recording = r.recording AND s.run = r.run)"
                          " AND r.run >> 24 < coalesce((SELECT start FROM process), 0)"));
  return database.run_script(
      "DELETE FROM degraded AS d WHERE coalesce(d.end_us <= (SELECT min(s.start_us) FROM spans AS s"
      " WHERE s.recording = d.recording), 0)");
}

}  // namespace longtake::store
