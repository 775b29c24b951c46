#include "archive/committer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "base/kill_point.h"

namespace longtake::archive {
namespace {

double to_seconds(nanoseconds span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

Committer::Committer(Options options, DiskContext& disk, VolumeWriter& writer, Hooks hooks)
    : options_(options),
      disk_(disk),
      writer_(writer),
      hooks_(std::move(hooks)),
      interval_(options.interval) {}

Committer::~Committer() { stop(); }

Committer::Items Committer::collect() const {
  Items items;
  for (const auto& recording : writer_.recordings()) recording->collect(items);
  return items;
}

void Committer::commit() {
  const MonotonicTime started = disk_.clock.now();
  // Collected before the ledger is synced: what is collected was told to the ledger before (invariant A3).
  const Items items = disk_.health.state() == VolumeHealth::State::kMissing ? Items() : collect();
  if (const Result<void> synced = hooks_.sync_ledger(); !synced) {
    // Media beats ledger: recovery finds a segment the ledger does not know by its file. The store tries again.
    LT_LOG(disk_.logger, kWarning, "commit.ledger_failed", {"error", synced.error().message()});
  }
  base::kill_point("commit.ledger_synced");
  if (!items.empty()) {
    std::vector<Result<void>> results = sync_files(items);
    sync_folders(items, results);
    bool is_all_well = true;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!results[i]) {
        is_all_well = false;
        disk_.health.on_failure(results[i].error());
      }
      items[i].recording->committed(items[i], results[i]);
    }
    if (is_all_well) disk_.health.on_committed();
    base::kill_point("commit.done");
    judge(disk_.clock.now() - started);
  }
  for (const auto& recording : writer_.recordings()) {
    for (base::Task& done : recording->take_settled()) done();
  }
  hooks_.after();
}

std::vector<Result<void>> Committer::sync_files(const Items& items) {
  std::vector<Result<void>> results(items.size());
  if (options_.owns_mount) {
    if (disk_.files.sync_file_system()) {
      base::kill_point("commit.file_synced");
      return results;
    }
    // It names no file. Each file remembers its own failure, and tells it to its own descriptor.
  }
  for (const RecordingWriter::CommitItem& item : items) {
    // Only a hint; the sync that follows has the last word.
    static_cast<void>(item.writer->file().start_write_back());
  }
  base::kill_point("commit.write_back");
  sync_each(items, results);
  return results;
}

void Committer::sync_each(const Items& items, std::vector<Result<void>>& results) {
  std::atomic<std::size_t> next{0};
  const auto sync_some = [&] {
    for (std::size_t i = next++; i < items.size(); i = next++) {
      results[i] = sync_one(items[i]);
      if (results[i]) base::kill_point("commit.file_synced");
    }
  };
  // Threads of a commit's length: to start them costs a hundredth of what they wait for.
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(options_.syncs_at_once, items.size()); ++i) {
    helpers.emplace_back(sync_some);
  }
  sync_some();
}

Result<void> Committer::sync_one(const RecordingWriter::CommitItem& item) {
  const MonotonicTime started = disk_.clock.now();
  // The first and the last sync are whole ones: the file's making, and its size after the reserve was given back.
  const bool is_first = !item.folders.empty();
  Result<void> synced =
      is_first || item.is_finished ? item.writer->file().sync() : item.writer->file().sync_data();
  disk_.metrics.sync_seconds.observe(to_seconds(disk_.clock.now() - started));
  if (synced && is_first) base::kill_point("segment.file_synced");
  if (synced && item.is_finished) base::kill_point("close.synced");
  return synced;
}

void Committer::sync_folders(const Items& items, std::vector<Result<void>>& results) {
  std::map<std::string, Result<void>> synced;
  bool is_trusted = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (const std::string& folder : items[i].folders) {
      auto at = synced.find(folder);
      if (at == synced.end()) {
        at = synced.emplace(folder, disk_.files.sync_directory(folder)).first;
        if (at->second) {
          base::kill_point("segment.folder_synced");
        } else {
          is_trusted = false;
          disk_.health.on_untrusted(at->second.error());
        }
      }
      if (!at->second && results[i]) results[i] = std::unexpected(at->second.error());
    }
  }
  if (is_trusted) return;
  // invariant A7: which names are on the disk nobody can say. Files whose names are durable since long are left too:
  // what they hold stays, what they were about to hold is written again once a probe has succeeded.
  for (const auto& recording : writer_.recordings()) recording->distrust_open_segments();
}

void Committer::judge(nanoseconds took) {
  disk_.metrics.commit_seconds.observe(to_seconds(took));
  const bool is_slow = took > options_.interval;
  interval_ = is_slow ? std::min(std::max(2 * took, options_.interval), kLongestInterval)
                      : options_.interval;
  if (is_slow == is_degraded_) return;
  is_degraded_ = is_slow;
  disk_.metrics.durability_degraded.set(is_slow ? 1 : 0);
  if (is_slow) {
    LT_LOG(disk_.logger, kWarning, "durability_degraded", {"commit_took", took},
           {"promised", options_.interval}, {"now", std::max(interval_, took)},
           {"detail", "the disk is slow: a power cut costs this much instead"});
  } else {
    LT_LOG(disk_.logger, kInfo, "durability_restored", {"commit_took", took},
           {"window", options_.interval});
  }
}

bool Committer::wait(MonotonicTime started) {
  const base::MutexLock lock(mutex_);
  const MonotonicTime due = started + interval_;
  while (!is_stopping_ && !is_requested_) {
    const MonotonicTime now = disk_.clock.now();
    if (now >= due) break;
    changed_.wait_for(mutex_, due - now);
  }
  is_requested_ = false;
  return !is_stopping_;
}

void Committer::run() {
  MonotonicTime started = disk_.clock.now();
  while (wait(started)) {
    started = disk_.clock.now();
    commit();
  }
}

void Committer::request() {
  {
    const base::MutexLock lock(mutex_);
    is_requested_ = true;
  }
  changed_.wake_all();
}

void Committer::start() {
  thread_ = std::thread([this] { run(); });
}

void Committer::stop() {
  {
    const base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.wake_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace longtake::archive
