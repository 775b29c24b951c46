#include "store/fact_applier.h"

#include <algorithm>
#include <limits>

namespace longtake::store {

namespace {

// Degraded stretches of one reason that are nearer than this are one (DESIGN §6).
constexpr microseconds kDegradedDistance = std::chrono::seconds(10);
// No time of ours lies outside: 280,000 years around 1970 leave room for any sum of a time and a redate.
constexpr std::int64_t kTimeBound = std::numeric_limits<std::int64_t>::max() / 4;
// 2^48: no segment is larger, and the sum over 16,384 impossible ones still fits a column.
constexpr std::uint64_t kSizeBound = 1ULL << 48U;

WallTime bounded(WallTime time) {
  return WallTime(
      microseconds(std::clamp(time.time_since_epoch().count(), -kTimeBound, kTimeBound)));
}
microseconds bounded(microseconds span) {
  return microseconds(std::clamp(span.count(), -kTimeBound, kTimeBound));
}
TimeRange bounded(TimeRange range) { return {bounded(range.start), bounded(range.end)}; }

/// In order, without overlaps: as FragmentIndex::spans() gives them, whoever wrote this.
std::vector<TimeRange> in_order(const std::vector<TimeRange>& spans, microseconds moved_by) {
  media::TimeRanges ordered;
  for (const TimeRange& span : spans) {
    const TimeRange range = bounded(span);
    ordered.add({range.start + moved_by, range.end + moved_by});
  }
  return ordered.ranges();
}

}  // namespace

Result<std::unique_ptr<FactApplier>> FactApplier::prepare(sqlite::Database& database, Mode mode) {
  std::unique_ptr<FactApplier> made(new FactApplier(mode));
  LT_ASSIGN(made->segments_, SegmentTable::prepare(database));
  LT_ASSIGN(made->reasons_, ReasonPaint::prepare(database));
  LT_ASSIGN(made->armed_, RangeTable::prepare(database, RangeTable::Which::kArmed));
  const auto prepare_into = [&](sqlite::Statement& into, std::string_view sql) -> Result<void> {
    LT_ASSIGN(into, database.prepare(sql));
    return {};
  };
  LT_TRY(prepare_into(made->start_process_,
                      "INSERT OR REPLACE INTO process VALUES (1, ?1, ?2, ?3, NULL)"));
  LT_TRY(prepare_into(made->stop_process_, "UPDATE process SET stopped_us = ?2 WHERE start = ?1"));
  LT_TRY(
      prepare_into(made->add_recording_,
                   "INSERT OR IGNORE INTO recordings (id, name, created_us) VALUES (?1, ?2, 0)"));
  LT_TRY(prepare_into(made->name_recording_,
                      "UPDATE recordings SET name = ?2, created_us = ?3 WHERE id = ?1"));
  LT_TRY(prepare_into(made->arm_,
                      "UPDATE recordings SET armed_since_us = ?2"
                      " WHERE id = ?1 AND armed_since_us IS NULL"));
  LT_TRY(prepare_into(made->disarm_, "UPDATE recordings SET armed_since_us = NULL WHERE id = ?1"));
  LT_TRY(prepare_into(made->armed_since_,
                      "SELECT armed_since_us FROM recordings"
                      " WHERE id = ?1 AND armed_since_us IS NOT NULL"));
  LT_TRY(prepare_into(made->gap_,
                      "SELECT gap_since_us, gap_reason FROM recordings"
                      " WHERE id = ?1 AND gap_since_us IS NOT NULL"));
  LT_TRY(prepare_into(made->set_gap_,
                      "UPDATE recordings SET gap_since_us = ?2, gap_reason = ?3 WHERE id = ?1"));
  LT_TRY(prepare_into(made->clear_gap_,
                      "UPDATE recordings SET gap_since_us = NULL,"
                      " gap_reason = NULL WHERE id = ?1"));
  LT_TRY(
      prepare_into(made->redate_, "SELECT redate_us FROM runs WHERE recording = ?1 AND run = ?2"));
  LT_TRY(prepare_into(made->move_redate_, "INSERT OR REPLACE INTO runs VALUES (?1, ?2, ?3)"));
  LT_TRY(prepare_into(made->degraded_near_,
                      "SELECT start_us, end_us, count FROM degraded WHERE recording = ?1"
                      " AND reason = ?2 AND start_us <= ?3 ORDER BY start_us DESC"));
  LT_TRY(prepare_into(made->remove_degraded_,
                      "DELETE FROM degraded WHERE recording = ?1"
                      " AND reason = ?2 AND start_us = ?3"));
  LT_TRY(prepare_into(made->add_degraded_, "INSERT INTO degraded VALUES (?1, ?2, ?3, ?4, ?5)"));
  return made;
}

Result<void> FactApplier::apply(const Fact& fact, Source source) {
  return std::visit([&](const auto& kind) { return on(kind, source); }, fact);
}

void FactApplier::forget_caches() { known_recordings_.clear(); }

Result<void> FactApplier::ensure_recording(media::RecordingId recording) {
  if (known_recordings_.contains(recording.value)) return {};
  LT_TRY(add_recording_.run(recording.value, to_string(recording)));
  known_recordings_.insert(recording.value);
  return {};
}

Result<void> FactApplier::on(const ProcessStarted& fact, Source /*source*/) {
  return start_process_.run(fact.start, fact.boot_id, fact.at);
}

Result<void> FactApplier::on(const ProcessStopped& fact, Source /*source*/) {
  return stop_process_.run(fact.start, fact.at);
}

Result<void> FactApplier::on(const RecordingCreated& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  return name_recording_.run(fact.recording.value, fact.name, bounded(fact.at));
}

Result<void> FactApplier::on(const Armed& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  return arm_.run(fact.recording.value, bounded(fact.at));
}

Result<void> FactApplier::on(const Disarmed& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  WallTime since;
  {
    sqlite::Rows rows = armed_since_.query(fact.recording.value);
    LT_ASSIGN(const bool is_armed, rows.next());
    if (!is_armed) return {};
    since = rows.wall_time(0);
  }
  LT_TRY(disarm_.run(fact.recording.value));
  return armed_->add(fact.recording, {since, bounded(fact.at)});
}

/// Nothing of it is asked of the catalog: what a run is, its files say.
Result<void> FactApplier::on(const RunStarted& /*fact*/, Source /*source*/) { return {}; }

Result<microseconds> FactApplier::redate_of(media::RecordingId recording, media::RunId run) {
  sqlite::Rows rows = redate_.query(recording.value, run.value);
  LT_ASSIGN(const bool has_row, rows.next());
  return has_row ? microseconds(rows.integer(0)) : microseconds(0);
}

Result<void> FactApplier::on(const RunRedated& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  LT_ASSIGN(const microseconds before, redate_of(fact.recording, fact.run));
  const microseconds after = bounded(before + bounded(fact.by));
  LT_TRY(move_redate_.run(fact.recording.value, fact.run.value, after));
  return segments_->shift_run(fact.recording, fact.run, after - before);
}

Result<void> FactApplier::on(const SegmentOpened& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  LT_ASSIGN(const auto old, segments_->find(fact.recording, fact.segment));
  if (old) return {};  // a state never goes back
  LT_ASSIGN(const microseconds redate, redate_of(fact.recording, fact.segment.run));
  StoredSegment row;
  row.id = fact.segment;
  row.day = fact.day;
  row.range.start = row.range.end = bounded(fact.at) + redate;
  if (deleted_.contains({fact.recording, fact.segment})) row.state = SegmentState::kDeleted;
  return segments_->put(fact.recording, row, old);
}

Result<void> FactApplier::on(const SegmentClosed& fact, Source source) {
  LT_TRY(ensure_recording(fact.recording));
  LT_ASSIGN(const auto old, segments_->find(fact.recording, fact.segment));
  const bool is_deleted = deleted_.contains({fact.recording, fact.segment});
  if (is_deleted && source != Source::kMedia) return {};
  LT_ASSIGN(const microseconds redate, redate_of(fact.recording, fact.segment.run));
  StoredSegment row;
  row.id = fact.segment;
  row.day = fact.day;
  row.spans = in_order(fact.spans, redate);
  if (!row.spans.empty()) row.range = {row.spans.front().start, row.spans.back().end};
  row.size_bytes = std::min(fact.size_bytes, kSizeBound);
  row.is_recovered = fact.is_recovered;
  row.state = is_deleted || (old && old->state == SegmentState::kDeleted) ? SegmentState::kDeleted
                                                                          : SegmentState::kClosed;
  if (old == row) return {};
  return segments_->put(fact.recording, row, old);
}

Result<void> FactApplier::on(const SegmentDeleted& fact, Source source) {
  LT_TRY(ensure_recording(fact.recording));
  if (source != Source::kSnapshot) {
    for (const TimeRange& span : in_order(fact.spans, microseconds(0)))
      LT_TRY(note_reason(fact.recording, span, fact.reason));
  }
  LT_ASSIGN(const auto old, segments_->find(fact.recording, fact.segment));
  if (mode_ == Mode::kRebuild) {
    deleted_.insert({fact.recording, fact.segment});
    return old ? segments_->remove(fact.recording, *old) : Result<void>();
  }
  if (!old || old->state == SegmentState::kDeleted) return {};
  StoredSegment row = *old;
  row.state = SegmentState::kDeleted;
  return segments_->put(fact.recording, row, old);
}

Result<void> FactApplier::purge(media::RecordingId recording,
                                std::span<const media::SegmentId> segments) {
  for (const media::SegmentId& id : segments) {
    LT_ASSIGN(const auto row, segments_->find(recording, id));
    if (row && row->state == SegmentState::kDeleted) LT_TRY(segments_->remove(recording, *row));
  }
  return {};
}

Result<std::optional<FactApplier::Gap>> FactApplier::open_gap(media::RecordingId recording) {
  sqlite::Rows rows = gap_.query(recording.value);
  LT_ASSIGN(const bool has_row, rows.next());
  if (!has_row) return std::optional<Gap>();
  const auto reason = media::reason_from_number(static_cast<std::uint64_t>(rows.integer(1)));
  return std::optional(Gap{rows.wall_time(0), reason.value_or(media::Reason::kLedgerLost)});
}

Result<void> FactApplier::close_gap(media::RecordingId recording, WallTime to) {
  LT_ASSIGN(const std::optional<Gap> gap, open_gap(recording));
  if (!gap) return {};
  LT_TRY(clear_gap_.run(recording.value));
  return reasons_->settle_gap(recording, {{gap->since, to}, gap->reason});
}

Result<void> FactApplier::note_reason(media::RecordingId recording, TimeRange range,
                                      media::Reason reason) {
  LT_ASSIGN(const std::optional<Gap> gap, open_gap(recording));
  return reasons_->paint(recording, {range, reason},
                         gap ? ReasonPaint::Layer::kAboveGap : ReasonPaint::Layer::kBelowGap);
}

Result<void> FactApplier::on(const GapOpened& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  LT_TRY(close_gap(fact.recording, bounded(fact.from)));
  return set_gap_.run(fact.recording.value, bounded(fact.from), static_cast<int>(fact.reason));
}

Result<void> FactApplier::on(const GapClosed& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  return close_gap(fact.recording, bounded(fact.to));
}

Result<void> FactApplier::on(const GapNoted& fact, Source /*source*/) {
  LT_TRY(ensure_recording(fact.recording));
  return note_reason(fact.recording, bounded(fact.range), fact.reason);
}

/// Everything within 10 s of the new stretch becomes one with it. What stood there was further apart from the rest, so
/// the outcome does not depend on the order.
Result<void> FactApplier::on(const DegradedNoted& fact, Source /*source*/) {
  TimeRange range = bounded(fact.range);
  if (range.is_empty()) return {};
  LT_TRY(ensure_recording(fact.recording));
  const int reason = static_cast<int>(fact.reason);
  constexpr std::uint64_t kCountBound = 1ULL << 60U;
  std::uint64_t count = std::min(fact.count, kCountBound);
  const WallTime nearest_end = range.start - kDegradedDistance;
  std::vector<WallTime> met;
  {
    sqlite::Rows rows =
        degraded_near_.query(fact.recording.value, reason, range.end + kDegradedDistance);
    while (true) {
      LT_ASSIGN(const bool has_row, rows.next());
      if (!has_row || rows.wall_time(1) < nearest_end) break;
      met.push_back(rows.wall_time(0));
      range.start = std::min(range.start, rows.wall_time(0));
      range.end = std::max(range.end, rows.wall_time(1));
      count = std::min(count + static_cast<std::uint64_t>(rows.integer(2)), kCountBound);
    }
  }
  for (const WallTime start : met)
    LT_TRY(remove_degraded_.run(fact.recording.value, reason, start));
  return add_degraded_.run(fact.recording.value, reason, range.start, range.end, count);
}

}  // namespace longtake::store
