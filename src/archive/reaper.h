#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "archive/archive.h"
#include "archive/media_scan.h"
#include "archive/retention_plan.h"
#include "archive/trusted_time.h"
#include "base/mutex.h"
#include "store/catalog.h"
#include "store/fact.h"

namespace longtake::archive {

/// Deletes what the policy no longer keeps, slowly and crash-safe.
///
///   ledger SegmentDeleted ─► ledger synced ─► catalog tombstone ─► unlink ─► folder synced ─► tombstone purged
///
/// Rows go before bytes: nothing listed is ever missing (invariant R1). A crash after any step leaves a tombstone, which
/// recovery or the next look at tombstones buries (R2). A file that cannot be unlinked keeps its tombstone, is counted
/// and tried again each `kBuryAgain`; the others go on (R3). Only closed segments that the catalog lists go, never the
/// open one (R4). By age goes what trusted time says, at most twice as fast as footage comes in, so that a clock that
/// lies cannot empty a disk quickly (R5).
///
/// Thread     `start` makes one of its own; a test calls `pass` instead. `set_*`, `wake`, `can_make_room` from any thread.
/// Limits     50 files a second; a pass plans at most `kBatch` segments.
/// Errors     none leaves it: what fails is logged at a bounded rate, counted, and tried again.
/// Source     DESIGN §9; FAULTS §3.8, §3.9, §3.11, RET-03, RET-06 to RET-08; docs/design/retention.md.
class Reaper {
 public:
  static constexpr std::size_t kBatch = 50;
  static constexpr nanoseconds kPerFile = milliseconds(20);  // 50 a second
  static constexpr nanoseconds kInterval = seconds(15);      // between looks, while nothing presses
  static constexpr nanoseconds kBuryAgain = seconds(60);
  static constexpr std::uint64_t kAgeBurstBytes = 256ULL * 1024 * 1024;
  static constexpr std::uint64_t kAgeLeastBytesPerSecond =
      256ULL * 1024;  // old footage of cameras that are gone

  struct Environment {
    base::FileSystem& files;
    base::Clock& clock;
    base::Logger& logger;
    base::Metrics& metrics;
    TrustedTime& time;
    store::FactSink& facts;
    std::function<Result<void>()> sync_ledger;    // everything appended is durable
    std::function<Result<void>()> flush_catalog;  // ... and applied
    std::function<void(media::RecordingId, std::vector<media::SegmentId>)> purge;
    std::function<Result<std::unique_ptr<store::CatalogReader>>()> open_reader;
    std::function<std::vector<RecordingFolder>()> recordings;
    std::function<bool()> is_ready;  // the catalog answers and recovery is done
    /// Bytes of the recording that the catalog does not list yet (the open segment); may be empty.
    std::function<std::uint64_t(media::RecordingId)> live_bytes;
  };

  explicit Reaper(Environment environment);
  ~Reaper();  // stops

  void set_policy(const RecordingConfig& config);
  void set_volume_policy(const VolumePolicy& policy);
  /// Space may be short: look at it now. Cheap when it is not.
  void wake();
  /// False: nothing is left that may be deleted for space, or nothing that can be. True until the first look.
  [[nodiscard]] bool can_make_room() const {
    return can_make_room_.load(std::memory_order_relaxed);
  }

  void start();
  void stop();

  struct PassReport {
    std::size_t deleted = 0;
    std::size_t failed = 0;  // tombstones kept
    bool is_more = false;    // the policy asks for more than one batch
  };
  /// One look: plans a batch and deletes it. Keeps to 50 files a second when started; called directly it does not wait.
  Result<PassReport> pass();

 private:
  struct Grave {
    store::SegmentRow segment;
    std::string path;
    std::string folder;
  };

  void run();
  bool sleep(nanoseconds span);
  enum class Wake { kStop, kSpace, kPolicy, kTime };
  Wake wait_until(MonotonicTime time);
  bool is_space_short();
  Result<RetentionQuestion> ask(store::CatalogReader& catalog, std::size_t rows_per_recording,
                                const std::vector<RecordingFolder>& folders);
  void ask_space(RetentionQuestion& question, const VolumePolicy& policy);
  void measure_ingest(const RetentionQuestion& question);
  void empty_trash(RetentionQuestion& question);
  Result<void> delete_segments(const std::vector<Drop>& drops,
                               const std::vector<RecordingFolder>& folders, PassReport& report);
  [[nodiscard]] bool is_past(const std::string& day_folder) const;
  Result<void> bury(const std::vector<Grave>& graves, PassReport& report);
  Result<void> bury_again(store::CatalogReader& catalog,
                          const std::vector<RecordingFolder>& folders, PassReport& report);

  Environment environment_;
  base::Counter& failed_unlinks_;
  std::atomic<bool> can_make_room_{true};
  std::unique_ptr<store::CatalogReader> reader_;
  bool is_paced_ = false;
  bool is_making_room_ = false;  // below the floor's margin, until twice the margin is free
  std::optional<MonotonicTime> buried_at_;
  std::optional<MonotonicTime> measured_at_;
  std::uint64_t measured_bytes_ = 0;       // sum over recordings at the last look
  std::uint64_t deleted_since_bytes_ = 0;  // since then, by us
  double age_allowance_bytes_ = static_cast<double>(kAgeBurstBytes);

  base::Mutex mutex_;
  base::Condition changed_;
  std::map<std::string, RecordingConfig> policies_ LT_GUARDED_BY(mutex_);
  VolumePolicy volume_policy_ LT_GUARDED_BY(mutex_);
  bool is_woken_ LT_GUARDED_BY(mutex_) = false;
  bool has_new_policy_ LT_GUARDED_BY(mutex_) = false;
  bool is_stopping_ LT_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longtake::archive
