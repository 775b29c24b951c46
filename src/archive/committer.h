#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "archive/recording_writer.h"
#include "archive/volume_writer.h"
#include "base/mutex.h"

namespace longtake::archive {

/// The one thread that makes a volume durable: once an interval, all its dirty segments together.
///
///  1. collect what was written and is not durable (each recording's lock, briefly);
///  2. sync the ledger, so that no durable fragment belongs to a segment the ledger does not know;
///  3. start write-back on all files, then fdatasync each; on a mount of its own, one syncfs instead;
///  4. sync the folders in which a name is new;
///  5. tell each recording; a segment closed by the writer is ledgered as closed now.
///
/// The writer goes on meanwhile. A commit longer than its interval widens the interval (up to 10 s) and says
/// `durability_degraded` with the real window; nothing is ever skipped.
///
/// Thread     `commit` is the thread's work, one at a time: a test calls it instead of `start`. The rest from any thread.
/// Source     FORMAT.md §6; docs/design/archive.md, "Committing", invariants A3 to A7.
class Committer {
 public:
  struct Options {
    nanoseconds interval = seconds(1);
    bool owns_mount = false;
    /// Files synced at once. The disk's flushes, which are what costs, are shared by syncs that overlap: 64 files
    /// one by one 200 ms, eight at a time 30 ms (docs/design/archive.md, "How to commit").
    std::size_t syncs_at_once = 1;
  };
  struct Hooks {
    std::function<Result<void>()> sync_ledger;
    /// After each commit: what is not the disk's business but has the same rhythm.
    std::function<void()> after;
  };
  static constexpr nanoseconds kLongestInterval = seconds(10);

  Committer(Options options, DiskContext& disk, VolumeWriter& writer, Hooks hooks);
  ~Committer();  // stops

  void commit();
  /// The next one at once: somebody waits.
  void request();
  void start();
  void stop();

 private:
  using Items = std::vector<RecordingWriter::CommitItem>;

  void run();
  [[nodiscard]] Items collect() const;
  std::vector<Result<void>> sync_files(const Items& items);
  void sync_each(const Items& items, std::vector<Result<void>>& results);
  Result<void> sync_one(const RecordingWriter::CommitItem& item);
  void sync_folders(const Items& items, std::vector<Result<void>>& results);
  void judge(nanoseconds took);
  /// Until the next commit is due. False: to stop.
  bool wait(MonotonicTime started);

  const Options options_;
  DiskContext& disk_;
  VolumeWriter& writer_;
  const Hooks hooks_;
  nanoseconds interval_;  // widened where the disk is slow
  bool is_degraded_ = false;

  base::Mutex mutex_;
  base::Condition changed_;
  bool is_requested_ LT_GUARDED_BY(mutex_) = false;
  bool is_stopping_ LT_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longtake::archive
