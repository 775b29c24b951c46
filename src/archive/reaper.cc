#include "archive/reaper.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "archive/space_guard.h"
#include "base/kill_point.h"

namespace longtake::archive {
namespace {

constexpr std::size_t kTombstones = 1000;
constexpr microseconds kQuarantineKept = std::chrono::hours(24 * 7);  // FAULTS §3.8
constexpr int kTrashDepth = 4;

/// Deleting starts before writing has to stop, and goes on a little, so that it does not start again at once.
std::uint64_t space_margin(const base::SpaceStatus& space) {
  return std::clamp<std::uint64_t>(space.total_bytes / 100, 16ULL << 20U, 1ULL << 30U);
}

const RecordingFolder* find_folder(const std::vector<RecordingFolder>& folders,
                                   media::RecordingId id) {
  const auto found = std::ranges::find(folders, id, &RecordingFolder::id);
  return found == folders.end() ? nullptr : &*found;
}

/// Removes files below `folder` that `may_go`; their bytes.
std::uint64_t remove_below(base::FileSystem& files, const std::string& folder, int depth,
                           const std::function<bool(const base::FileStatus&)>& may_go) {
  const auto entries = files.list(folder);
  if (!entries) return 0;
  std::uint64_t freed = 0;
  for (const base::DirectoryEntry& entry : *entries) {
    const std::string path = base::join_path(folder, entry.name);
    if (entry.is_directory) {
      if (depth > 0) freed += remove_below(files, path, depth - 1, may_go);
      continue;
    }
    const auto status = files.status(path);
    if (status && may_go(*status) && files.remove(path)) freed += status->allocated_bytes;
  }
  return freed;
}

}  // namespace

Reaper::Reaper(Environment environment)
    : environment_(std::move(environment)),
      failed_unlinks_(
          environment_.metrics.counter("longtake_retention_failed_unlinks_total",
                                       "Segment files that could not be deleted; tried again.")) {}

Reaper::~Reaper() { stop(); }

void Reaper::set_policy(const RecordingConfig& config) {
  {
    const base::MutexLock lock(mutex_);
    policies_[config.name] = config;
    has_new_policy_ = true;
  }
  changed_.wake_all();
}

void Reaper::set_volume_policy(const VolumePolicy& policy) {
  {
    const base::MutexLock lock(mutex_);
    volume_policy_ = policy;
    has_new_policy_ = true;
  }
  changed_.wake_all();
}

void Reaper::wake() {
  {
    const base::MutexLock lock(mutex_);
    is_woken_ = true;
  }
  changed_.wake_all();
}

void Reaper::start() {
  is_paced_ = true;
  thread_ = std::thread([this] { run(); });
}

void Reaper::stop() {
  {
    const base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.wake_all();
  if (thread_.joinable()) thread_.join();
}

bool Reaper::sleep(nanoseconds span) {
  // Real time also in a test: waits are.
  const auto end = std::chrono::steady_clock::now() + span;
  const base::MutexLock lock(mutex_);
  while (!is_stopping_) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return true;
    changed_.wait_for(mutex_, end - now);
  }
  return false;
}

/// Trusted time wants to be asked each second: a longer pause is a frozen process to it.
Reaper::Wake Reaper::wait_until(MonotonicTime time) {
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      if (!is_stopping_ && !has_new_policy_ && !is_woken_) changed_.wait_for(mutex_, seconds(1));
      if (is_stopping_) return Wake::kStop;
      if (std::exchange(has_new_policy_, false)) return Wake::kPolicy;
      if (std::exchange(is_woken_, false)) return Wake::kSpace;
    }
    environment_.time.observe();
    if (environment_.clock.now() >= time) return Wake::kTime;
  }
}

void Reaper::run() {
  std::string last_error;
  bool is_more = false;
  MonotonicTime next = environment_.clock.now();
  while (true) {
    if (!is_more) {
      const Wake why = wait_until(next);
      if (why == Wake::kStop) return;
      environment_.time.observe();
      if (!environment_.is_ready()) continue;
      if (why == Wake::kSpace && !is_space_short()) continue;
    }
    const auto report = pass();
    const std::string error = report ? "" : report.error().message();
    if (!error.empty() && error != last_error) {
      LT_LOG(environment_.logger, kWarning, "retention.failed", {"error", error},
             {"next", "tried again in 15 s"});
    }
    last_error = error;
    is_more = report && report->is_more && report->deleted > 0 && sleep(kPerFile);
    next = environment_.clock.now() + kInterval;
  }
}

Result<Reaper::PassReport> Reaper::pass() {
  PassReport report;
  if (reader_ == nullptr) {
    LT_ASSIGN(reader_, environment_.open_reader());
  }
  const std::vector<RecordingFolder> folders = environment_.recordings();
  // Mostly nothing is due, which one row of each recording tells.
  auto question = ask(*reader_, 1, folders);
  if (question && !plan_retention(*question).empty()) question = ask(*reader_, kBatch, folders);
  if (!question) {
    reader_.reset();  // the catalog may have been built anew
    return std::unexpected(std::move(question).error());
  }
  measure_ingest(*question);
  question->age_allowance_bytes = static_cast<std::uint64_t>(age_allowance_bytes_);
  if (question->bytes_to_free > 0) empty_trash(*question);
  const std::vector<Drop> drops = plan_retention(*question);
  const bool has_closed = std::ranges::any_of(
      question->recordings,
      [](const RetentionRecording& recording) { return !recording.oldest.empty(); });
  report.is_more = drops.size() >= kBatch;
  auto deleted = delete_segments(drops, folders, report);
  // What cannot be unlinked makes no room, however much of it is listed.
  can_make_room_ = has_closed && deleted.has_value() && (drops.empty() || report.deleted > 0);
  if (!deleted) return std::unexpected(std::move(deleted).error());
  LT_TRY(bury_again(*reader_, folders, report));
  return report;
}

Result<RetentionQuestion> Reaper::ask(store::CatalogReader& catalog, std::size_t rows_per_recording,
                                      const std::vector<RecordingFolder>& folders) {
  std::map<std::string, RecordingConfig> policies;
  VolumePolicy volume_policy;
  {
    const base::MutexLock lock(mutex_);
    policies = policies_;
    volume_policy = volume_policy_;
  }
  RetentionQuestion question;
  LT_ASSIGN(const auto rows, catalog.recordings());
  for (const store::RecordingRow& row : rows) {
    if (find_folder(folders, row.id) == nullptr) continue;
    RetentionRecording recording;
    recording.id = row.id;
    recording.size_bytes = row.size_bytes;
    if (environment_.live_bytes) recording.size_bytes += environment_.live_bytes(row.id);
    if (const auto policy = policies.find(row.name); policy != policies.end()) {
      recording.keep = policy->second.keep;
      recording.max_size_bytes = policy->second.max_size_bytes;
    }
    LT_ASSIGN(recording.oldest, catalog.oldest_closed(row.id, rows_per_recording));
    question.recordings.push_back(std::move(recording));
  }
  question.now_for_age = environment_.time.now_for_age();
  question.max_total_bytes = volume_policy.max_total_bytes;
  question.limit = kBatch;
  ask_space(question, volume_policy);
  return question;
}

bool Reaper::is_space_short() {
  VolumePolicy policy;
  {
    const base::MutexLock lock(mutex_);
    policy = volume_policy_;
  }
  RetentionQuestion question;
  ask_space(question, policy);
  return question.bytes_to_free > 0 || question.files_to_free > 0;
}

void Reaper::ask_space(RetentionQuestion& question, const VolumePolicy& policy) {
  const auto space = environment_.files.space();
  if (!space) return;
  const std::uint64_t margin = space_margin(*space);
  const std::uint64_t low = SpaceGuard::floor_bytes(policy, *space) + margin;
  const std::uint64_t high = low + margin;
  if (space->available_bytes < low) is_making_room_ = true;
  if (space->available_bytes >= high) is_making_room_ = false;
  if (is_making_room_) question.bytes_to_free = high - space->available_bytes;
  const std::uint64_t inodes = 2 * SpaceGuard::kHardFloorInodes;
  if (space->total_inodes != 0 && space->available_inodes < inodes) {
    question.files_to_free = inodes - space->available_inodes;
  }
}

void Reaper::measure_ingest(const RetentionQuestion& question) {
  const MonotonicTime now = environment_.clock.now();
  std::uint64_t bytes = 0;
  for (const RetentionRecording& recording : question.recordings) bytes += recording.size_bytes;
  if (measured_at_) {
    const double span = std::chrono::duration<double>(now - *measured_at_).count();
    const std::uint64_t before = measured_bytes_ - std::min(measured_bytes_, deleted_since_bytes_);
    const double ingested = bytes > before ? static_cast<double>(bytes - before) : 0;
    age_allowance_bytes_ =
        std::min(age_allowance_bytes_ +
                     std::max(2 * ingested, span * static_cast<double>(kAgeLeastBytesPerSecond)),
                 static_cast<double>(kAgeBurstBytes));
  }
  measured_at_ = now;
  measured_bytes_ = bytes;
  deleted_since_bytes_ = 0;
}

/// First in the drop order: what nobody can play.
void Reaper::empty_trash(RetentionQuestion& question) {
  std::uint64_t freed = remove_below(environment_.files, kTrashFolder, kTrashDepth,
                                     [](const base::FileStatus&) { return true; });
  if (question.now_for_age) {
    const WallTime limit = *question.now_for_age - kQuarantineKept;
    freed += remove_below(environment_.files, kQuarantineFolder, kTrashDepth,
                          [&](const base::FileStatus& status) { return status.modified < limit; });
  }
  question.bytes_to_free -= std::min(question.bytes_to_free, freed);
  if (freed > 0) LT_LOG(environment_.logger, kInfo, "retention.trash_emptied", {"bytes", freed});
}

Result<void> Reaper::delete_segments(const std::vector<Drop>& drops,
                                     const std::vector<RecordingFolder>& folders,
                                     PassReport& report) {
  if (drops.empty()) return {};
  std::vector<Grave> graves;
  for (const Drop& drop : drops) {
    const store::SegmentRow& row = drop.segment;
    const RecordingFolder& folder = *find_folder(folders, row.recording);
    const std::string path = segment_path(folder.path, row.day, row.id);
    graves.push_back({row, path, base::join_path(folder.path, row.day)});
    environment_.facts.append(
        store::SegmentDeleted{row.recording, row.id, media::Reason::kRetention, row.spans});
    deleted_since_bytes_ += row.size_bytes;
    if (drop.cause == DropCause::kAge) age_allowance_bytes_ -= static_cast<double>(row.size_bytes);
    environment_.metrics
        .counter("longtake_retention_deleted_bytes_total", "Bytes of segments deleted by policy.",
                 {{"cause", std::string(to_string(drop.cause))}})
        .add(static_cast<double>(row.size_bytes));
    LT_LOG(environment_.logger, kDebug, "segment.deleted", {"recording", folder.name},
           {"segment", media::to_string(row.id)}, {"cause", to_string(drop.cause)},
           {"end", row.range.end});
  }
  LT_TRY(environment_.sync_ledger());
  base::kill_point("retention.ledgered");
  LT_TRY(environment_.flush_catalog());
  base::kill_point("retention.tombstoned");
  LT_LOG(environment_.logger, kInfo, "retention.deleting", {"segments", drops.size()},
         {"cause", to_string(drops.front().cause)});
  return bury(graves, report);
}

/// Whether nobody writes into this day's folder any more, clocks that are a little off included.
bool Reaper::is_past(const std::string& day_folder) const {
  const std::string day = day_folder.substr(day_folder.rfind('/') + 1);
  return day < to_day(environment_.clock.wall_now() - std::chrono::hours(48));
}

Result<void> Reaper::bury(const std::vector<Grave>& graves, PassReport& report) {
  std::map<std::string, std::vector<const Grave*>> by_folder;
  for (const Grave& grave : graves) {
    const auto removed = environment_.files.remove(grave.path);
    if (removed || removed.error().code() == ErrorCode::kNotFound) {
      by_folder[grave.folder].push_back(&grave);
    } else {
      ++report.failed;
      failed_unlinks_.add();
      LT_LOG(environment_.logger, kDebug, "retention.unlink_failed", {"path", grave.path},
             {"error", removed.error().message()});
    }
    if (is_paced_ && !sleep(kPerFile)) break;
  }
  base::kill_point("retention.unlinked");
  for (const auto& [folder, buried] : by_folder) {
    const auto synced = environment_.files.sync_directory(folder);
    // A day's folder may have been removed by a pass that crashed before its purge.
    if (!synced && synced.error().code() != ErrorCode::kNotFound) {
      report.failed += buried.size();
      continue;
    }
    base::kill_point("retention.folder_synced");
    std::map<media::RecordingId, std::vector<media::SegmentId>> gone;
    for (const Grave* grave : buried) gone[grave->segment.recording].push_back(grave->segment.id);
    for (auto& [recording, segments] : gone) {
      report.deleted += segments.size();
      environment_.purge(recording, std::move(segments));
    }
    base::kill_point("retention.purged");
    if (is_past(folder))
      static_cast<void>(environment_.files.remove_directory(folder));  // fails unless empty
  }
  if (report.failed > 0) {
    LT_LOG(environment_.logger, kWarning, "retention.unlink_failed", {"files", report.failed},
           {"next", "their tombstones stay; tried again in 60 s"});
  }
  return {};
}

Result<void> Reaper::bury_again(store::CatalogReader& catalog,
                                const std::vector<RecordingFolder>& folders, PassReport& report) {
  const MonotonicTime now = environment_.clock.now();
  if (buried_at_ && now - *buried_at_ < kBuryAgain) return {};
  const bool is_first = !buried_at_;
  buried_at_ = now;
  if (is_first && report.failed > 0) return {};  // only just tried
  LT_ASSIGN(const auto tombstones, catalog.in_state(store::SegmentState::kDeleted, kTombstones));
  std::vector<Grave> graves;
  for (const store::SegmentRow& row : tombstones) {
    const RecordingFolder* folder = find_folder(folders, row.recording);
    if (folder == nullptr) continue;
    graves.push_back(
        {row, segment_path(folder->path, row.day, row.id), base::join_path(folder->path, row.day)});
  }
  PassReport again;
  LT_TRY(bury(graves, again));
  report.failed += again.failed;
  return {};
}

}  // namespace longtake::archive
