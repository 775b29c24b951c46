#include "archive/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/kill_point.h"
#include "base/limits.h"
#include "isobmff/closing.h"
#include "isobmff/format.h"
#include "isobmff/init.h"

namespace longtake::archive {
namespace {

constexpr nanoseconds kPatience = seconds(1);
constexpr nanoseconds kFlushLimit = seconds(30);
constexpr std::size_t kAllRows = 10'000'000;
/// A segment that lived longer than this was committed at least once: if it cannot be read now, its bytes have changed.
constexpr microseconds kSurelyCommitted = seconds(15);
/// How far footage and words of a life may go on behind its last sign of life, which is written each second.
constexpr microseconds kBehindLastSign = seconds(10);

/// Errors     those of reading.
Result<bool> has_readable_init(base::File& file) {
  LT_ASSIGN(const std::uint64_t size, file.size());
  Bytes head(static_cast<std::size_t>(std::min<std::uint64_t>(size, isobmff::kMaxInitBytes)));
  LT_ASSIGN(const std::size_t got, file.read_at(0, head));
  head.resize(got);
  return isobmff::parse_init(head).has_value();
}

}  // namespace

Recovery::Recovery(Environment environment, WallTime started)
    : environment_(std::move(environment)), started_(started) {}

Result<Recovery::Report> Recovery::run() {
  LT_TRY(wait_for_store());
  LT_ASSIGN(const std::unique_ptr<store::CatalogReader> catalog, environment_.store.open_reader());
  // Anew: what an attempt that failed had found points into what it knew.
  candidates_.clear();
  known_.clear();
  report_ = {};
  recordings_ = environment_.volume.recordings();
  announce_recordings(*catalog);
  LT_TRY(find_open_rows(*catalog));
  LT_TRY(find_unknown_files(*catalog));
  for (Candidate& candidate : candidates_) {
    if (environment_.is_stopping) return fail(ErrorCode::kCancelled, "recovery: told to stop");
    scan(candidate);
  }
  for (Candidate& candidate : candidates_) {
    if (environment_.is_stopping) return fail(ErrorCode::kCancelled, "recovery: told to stop");
    settle(*catalog, candidate);
  }
  LT_TRY(bury_tombstones(*catalog));
  LT_TRY(flush());
  base::kill_point("recovery.settled");
  LT_TRY(explain_downtimes(*catalog));
  LT_TRY(flush());
  if (report_.unreadable == 0) LT_TRY(environment_.volume.mark_earlier_settled());
  base::kill_point("recovery.done");
  LT_LOG(environment_.logger, kInfo, "recovery.done", {"scanned", report_.scanned},
         {"closed", report_.closed}, {"removed", report_.removed},
         {"quarantined", report_.quarantined}, {"unreadable", report_.unreadable},
         {"tombstones", report_.tombstones});
  return report_;
}

Result<void> Recovery::wait_for_store() {
  while (true) {
    if (environment_.is_stopping) return fail(ErrorCode::kCancelled, "recovery: told to stop");
    const auto ready = environment_.store.wait_until_ready(kPatience);
    if (ready) return {};
    if (ready.error().code() != ErrorCode::kUnavailable) return ready;
  }
}

Result<void> Recovery::flush() {
  Result<void> flushed;
  for (nanoseconds waited{0}; waited < kFlushLimit; waited += kPatience) {
    if (environment_.is_stopping) return fail(ErrorCode::kCancelled, "recovery: told to stop");
    flushed = environment_.store.flush(kPatience);
    if (flushed) return flushed;
  }
  return flushed;
}

void Recovery::announce_recordings(store::CatalogReader& catalog) {
  for (const RecordingFolder& recording : recordings_) {
    // A power cut between recording.json and the ledger's sync: the folder is what counts. Other facts may have made a
    // row already, but without a name.
    const auto row = catalog.recording(recording.id);
    if (row && (!*row || (*row)->name != recording.name)) {
      environment_.store.append(
          store::RecordingCreated{recording.id, recording.name, recording.created});
    }
  }
}

// ---- What was left behind ----

bool Recovery::is_left_behind(media::SegmentId segment) const {
  return start_of(segment.run) < environment_.volume.start();
}

Result<void> Recovery::find_open_rows(store::CatalogReader& catalog) {
  LT_ASSIGN(const std::vector<store::SegmentRow> rows,
            catalog.in_state(store::SegmentState::kOpen, kAllRows));
  for (const store::SegmentRow& row : rows) {
    if (!is_left_behind(row.id)) continue;
    const auto recording = std::ranges::find(recordings_, row.recording, &RecordingFolder::id);
    if (recording == recordings_.end()) continue;  // its whole folder is gone: check's finding
    known_.emplace(row.recording, row.id);
    Candidate candidate;
    candidate.recording = &*recording;
    candidate.file = {segment_path(recording->path, row.day, row.id), row.day, row.id};
    candidate.is_known = true;
    candidate.opened = row.range.start;
    candidates_.push_back(std::move(candidate));
  }
  return {};
}

std::string Recovery::first_day_in_doubt() const {
  // A file whose opening the ledger lost was made within moments of the ledger's last word. A day more costs little.
  const auto last = environment_.store.last_life().last_fact_at;
  return last ? to_day(*last - std::chrono::hours(24)) : std::string();
}

Result<void> Recovery::find_unknown_files(store::CatalogReader& catalog) {
  if (environment_.volume.settled() + 1 >= environment_.volume.start())
    return {};  // HOST-02: nothing to look for
  const std::string from_day = first_day_in_doubt();
  for (const RecordingFolder& recording : recordings_) {
    LT_TRY(find_unknown_files_of(catalog, recording, from_day));
  }
  return {};
}

Result<void> Recovery::find_unknown_files_of(store::CatalogReader& catalog,
                                             const RecordingFolder& recording,
                                             const std::string& from_day) {
  std::set<media::SegmentId> listed;
  WallTime since{};
  if (const auto day = parse_wall_time(
          from_day.empty() ? "1970-01-01T00:00:00Z"
                           : fmt::format("{}-{}-{}T00:00:00Z", from_day.substr(0, 4),
                                         from_day.substr(4, 2), from_day.substr(6, 2)))) {
    since = *day;
  }
  LT_ASSIGN(const std::vector<store::SegmentRow> rows,
            catalog.segments(recording.id, {since, WallTime::max()}, kAllRows));
  for (const store::SegmentRow& row : rows) listed.insert(row.id);

  const auto visit = [&](const SegmentPath& file) -> Result<void> {
    const bool is_in_doubt =
        is_left_behind(file.id) && start_of(file.id.run) > environment_.volume.settled();
    if (!is_in_doubt || listed.contains(file.id) || known_.contains({recording.id, file.id})) {
      return {};
    }
    LT_ASSIGN(const std::optional<store::SegmentRow> row, catalog.segment(recording.id, file.id));
    if (row) return {};
    Candidate candidate;
    candidate.recording = &recording;
    candidate.file = file;
    candidates_.push_back(std::move(candidate));
    return {};
  };
  auto walked = for_each_segment_file(environment_.files, recording, from_day, visit);
  if (!walked && walked.error().code() == ErrorCode::kNotFound) return {};
  return walked;
}

// ---- Scanning ----

void Recovery::scan(Candidate& candidate) {
  ++report_.scanned;
  const Result<void> scanned = scan_file(candidate);
  if (scanned) return;
  ++report_.unreadable;
  candidate.recording = nullptr;  // left as it is
  LT_LOG(environment_.logger, kError, "recovery.unreadable", {"file", candidate.file.path},
         {"error", scanned.error().message()},
         {"next", "left as it is; tried again at the next start"});
}

Result<void> Recovery::scan_file(Candidate& candidate) {
  auto file = environment_.files.open(candidate.file.path, base::OpenMode::kReadWrite);
  if (!file) {
    if (file.error().code() == ErrorCode::kNotFound) return {};  // settled as one that never was
    return std::unexpected(std::move(file).error());
  }
  auto walk = isobmff::walk(**file, isobmff::Check::kAll);
  if (!walk) {
    // A disk that does not answer and a file that is none of ours have the same code. Only what can
    // be read can be judged.
    LT_ASSIGN(const bool has_init, has_readable_init(**file));
    if (has_init || walk.error().code() != ErrorCode::kDataLoss) {
      return std::unexpected(std::move(walk).error());
    }
    candidate.is_there = true;
    candidate.walk.detail = walk.error().message();
    return {};
  }
  if (walk->stop == isobmff::Stop::kClosing) {
    LT_ASSIGN(const std::optional<isobmff::Summary> summary, isobmff::read_closing(**file));
    candidate.is_closed_in_order = summary && summary->index.fragments == walk->index.fragments;
  }
  candidate.is_there = true;
  candidate.walk = std::move(*walk);
  return {};
}

// ---- Settling ----

void Recovery::settle(store::CatalogReader& catalog, Candidate& candidate) {
  if (candidate.recording == nullptr) return;
  const Result<void> settled = settle_file(catalog, candidate);
  if (settled) return;
  ++report_.unreadable;
  LT_LOG(environment_.logger, kError, "recovery.failed", {"file", candidate.file.path},
         {"error", settled.error().message()},
         {"next", "left as it is; tried again at the next start"});
}

Result<void> Recovery::settle_file(store::CatalogReader& catalog, Candidate& candidate) {
  if (!candidate.is_there) {  // the ledger was synced, the file's name was not
    forget(candidate, downtime().reason);
    return {};
  }
  isobmff::Walk& walk = candidate.walk;
  if (walk.index.init_bytes == 0) return quarantine_file(candidate, walk.detail);
  const bool is_ours =
      walk.index.fragments.empty() ||
      (walk.index.recording == candidate.recording->id && walk.index.segment == candidate.file.id);
  if (!is_ours) return quarantine_file(candidate, "it holds another segment than its name says");
  if (!candidate.is_closed_in_order) {
    LT_TRY(cut_where_a_later_segment_begins(catalog, candidate));
  }
  if (walk.index.spans().empty()) {
    // Only its init, or only sound of a track with pictures: no segment.
    LT_TRY(remove_file(candidate));
    forget(candidate, downtime().reason);
    return {};
  }
  return close_cut(candidate);
}

Result<void> Recovery::cut_where_a_later_segment_begins(store::CatalogReader& catalog,
                                                        Candidate& candidate) {
  media::FragmentIndex& index = candidate.walk.index;
  const std::vector<TimeRange> spans = index.spans();
  if (spans.empty()) return {};
  // invariant A12: after a failed sync what was not durable was written again, into a later file. If the power went
  // before the failed one was cut, both hold it.
  std::optional<WallTime> limit;
  const auto consider = [&](media::SegmentId id, WallTime start) {
    const bool is_later =
        id.run == candidate.file.id.run && id.sequence > candidate.file.id.sequence;
    if (is_later && start > spans.front().start) limit = limit ? std::min(*limit, start) : start;
  };
  for (const Candidate& other : candidates_) {
    if (other.recording == nullptr || other.recording->id != candidate.recording->id) continue;
    const std::vector<TimeRange> other_spans = other.walk.index.spans();
    if (!other_spans.empty()) consider(other.file.id, other_spans.front().start);
  }
  LT_ASSIGN(
      const std::vector<store::SegmentRow> rows,
      catalog.segments(candidate.recording->id, {spans.front().start, spans.back().end}, kAllRows));
  for (const store::SegmentRow& row : rows) {
    if (row.state == store::SegmentState::kClosed && !row.spans.empty()) {
      consider(row.id, row.spans.front().start);
    }
  }
  if (!limit) return {};
  const auto first_twice = std::ranges::find_if(
      index.fragments,
      [&](const media::FragmentEntry& entry) { return entry.covered().start >= *limit; });
  if (first_twice == index.fragments.end()) return {};
  candidate.walk.stop_bytes = first_twice->offset_bytes;
  candidate.walk.stop = isobmff::Stop::kBrokenChain;
  candidate.walk.detail = "what follows was written again into a later segment";
  index.fragments.erase(first_twice, index.fragments.end());
  return {};
}

Result<void> Recovery::close_cut(const Candidate& candidate) {
  const isobmff::Walk& walk = candidate.walk;
  LT_ASSIGN(const std::unique_ptr<base::File> file,
            environment_.files.open(candidate.file.path, base::OpenMode::kReadWrite));
  const std::uint64_t size_bytes = candidate.is_closed_in_order ? walk.file_bytes : walk.stop_bytes;
  if (!candidate.is_closed_in_order) LT_TRY(keep_tail(candidate, *file));
  // Also where there is nothing to cut: gives back what was reserved behind the end.
  LT_TRY(file->truncate(size_bytes));
  base::kill_point("recovery.cut");
  LT_TRY(file->sync());
  LT_TRY(environment_.files.sync_directory(
      base::join_path(candidate.recording->path, candidate.file.day)));
  base::kill_point("recovery.synced");
  ++report_.closed;
  LT_LOG(environment_.logger, kInfo, "recovery.closed", {"file", candidate.file.path},
         {"bytes", size_bytes}, {"cut_bytes", walk.file_bytes - size_bytes},
         {"stop", isobmff::to_string(walk.stop)});
  environment_.store.append(store::SegmentClosed{candidate.recording->id, candidate.file.id,
                                                 candidate.file.day, size_bytes, walk.index.spans(),
                                                 !candidate.is_closed_in_order});
  return {};
}

Result<void> Recovery::keep_tail(const Candidate& candidate, base::File& file) {
  const isobmff::Walk& walk = candidate.walk;
  if (walk.stop == isobmff::Stop::kZeros || walk.stop == isobmff::Stop::kEnd ||
      walk.stop_bytes >= walk.file_bytes) {
    return {};
  }
  const std::uint64_t length =
      std::min(walk.file_bytes - walk.stop_bytes, limits::kQuarantineTailBytes);
  const std::string path =
      fmt::format("{}/{}-{}-{}.tail", kQuarantineFolder, media::to_string(candidate.recording->id),
                  media::to_string(candidate.file.id), walk.stop_bytes);
  LT_ASSIGN(const std::unique_ptr<base::File> tail,
            environment_.files.open(path, base::OpenMode::kCreate));
  Bytes buffer(1024 * 1024);
  for (std::uint64_t done = 0; done < length;) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - done));
    LT_ASSIGN(const std::size_t got,
              file.read_at(walk.stop_bytes + done, std::span(buffer).first(want)));
    if (got == 0) break;
    const ByteSpan parts[] = {ByteSpan(buffer).first(got)};
    LT_TRY(tail->write_at(done, parts));
    done += got;
  }
  LT_TRY(tail->sync());
  LT_TRY(environment_.files.sync_directory(kQuarantineFolder));
  ++report_.quarantined;
  base::kill_point("recovery.tail_kept");
  return {};
}

Result<void> Recovery::remove_file(const Candidate& candidate) {
  auto removed = environment_.files.remove(candidate.file.path);
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  base::kill_point("recovery.removed");
  ++report_.removed;
  return environment_.files.sync_directory(
      base::join_path(candidate.recording->path, candidate.file.day));
}

Result<void> Recovery::quarantine_file(Candidate& candidate, const std::string& why) {
  const std::string path =
      fmt::format("{}/{}-{}.mp4", kQuarantineFolder, media::to_string(candidate.recording->id),
                  media::to_string(candidate.file.id));
  LT_TRY(environment_.files.rename(candidate.file.path, path));
  LT_TRY(environment_.files.sync_directory(kQuarantineFolder));
  LT_TRY(environment_.files.sync_directory(
      base::join_path(candidate.recording->path, candidate.file.day)));
  base::kill_point("recovery.quarantined");
  ++report_.quarantined;
  LT_LOG(environment_.logger, kWarning, "recovery.quarantined", {"file", candidate.file.path},
         {"into", path}, {"why", why});
  const Downtime down = downtime();
  const WallTime end = down.last_alive.value_or(candidate.opened);
  if (candidate.is_known && end - candidate.opened > kSurelyCommitted) {
    environment_.store.append(store::GapNoted{
        candidate.recording->id, {candidate.opened, end}, media::Reason::kCorruption, why});
    forget(candidate, media::Reason::kCorruption);
  } else {
    // It never was durable: a power cut within its first second leaves such files, and nothing was promised.
    forget(candidate, down.reason);
  }
  return {};
}

void Recovery::forget(const Candidate& candidate, media::Reason reason) {
  if (!candidate.is_known) return;
  environment_.store.append(
      store::SegmentDeleted{candidate.recording->id, candidate.file.id, reason, {}});
  environment_.store.purge(candidate.recording->id, {candidate.file.id});
}

// ---- Tombstones ----

Result<void> Recovery::bury_tombstones(store::CatalogReader& catalog) {
  LT_ASSIGN(const std::vector<store::SegmentRow> rows,
            catalog.in_state(store::SegmentState::kDeleted, kAllRows));
  std::map<media::RecordingId, std::vector<media::SegmentId>> gone;
  std::set<std::string> folders;
  for (const store::SegmentRow& row : rows) {
    const auto recording = std::ranges::find(recordings_, row.recording, &RecordingFolder::id);
    if (recording != recordings_.end()) {
      const auto removed =
          environment_.files.remove(segment_path(recording->path, row.day, row.id));
      const bool was_there = removed.has_value();
      if (!was_there && removed.error().code() != ErrorCode::kNotFound) {
        // RET-07: the tombstone stays, the others go on.
        LT_LOG(environment_.logger, kWarning, "recovery.tombstone_stays",
               {"error", removed.error().message()});
        continue;
      }
      if (was_there) folders.insert(base::join_path(recording->path, row.day));
    }
    gone[row.recording].push_back(row.id);
    ++report_.tombstones;
  }
  for (const std::string& folder : folders) LT_TRY(environment_.files.sync_directory(folder));
  base::kill_point("recovery.tombstones_removed");
  for (auto& [recording, segments] : gone) {
    environment_.store.purge(recording, std::move(segments));
  }
  return {};
}

// ---- The time between ----

Downtime Recovery::downtime() const {
  const store::Store::LastLife life = environment_.store.last_life();
  Downtime down;
  down.started = started_;
  const auto& alive = environment_.volume.last_alive();
  // A clock that is behind says that this life began before the last one ended. It cannot have: footage may go on for a
  // moment behind the last sign of life, and this life is later than that.
  if (alive && started_ < alive->wall) down.started = alive->wall + kBehindLastSign;
  if (alive) down.last_alive = alive->wall;
  if (life.last_fact_at) {
    down.last_alive =
        std::max(down.last_alive.value_or(WallTime{}), std::min(*life.last_fact_at, down.started));
  }
  if (life.was_stopped_in_order) {
    down.reason = media::Reason::kOperatorStop;
  } else if (life.boot_id != environment_.volume.boot_id()) {
    down.reason = media::Reason::kPowerLoss;
  } else {
    down.reason = media::Reason::kCrash;
  }
  return down;
}

Result<void> Recovery::explain_downtimes(store::CatalogReader& catalog) {
  const Downtime down = downtime();
  for (const RecordingFolder& recording : recordings_) {
    LT_ASSIGN(const store::Coverage coverage,
              catalog.coverage(recording.id, {WallTime{}, WallTime::max()}));
    const auto begin = downtime_begin(coverage, down);
    if (!begin) continue;
    // Asked for again only in this life: it was not the program's absence that kept it from recording.
    const bool is_new = *begin >= down.started;
    environment_.explain(recording, *begin, is_new ? media::Reason::kConfigChange : down.reason,
                         is_new ? "asked for again" : "the recorder was not running");
  }
  return {};
}

}  // namespace longtake::archive
