#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/catalog.h"
#include "store/catalog_rebuild.h"
#include "store/fact.h"

namespace longtake::store {

/// The thread that alone writes ledger and catalog: append, sync, apply to SQLite with `applied_sequence` in the same
/// transaction.
///
/// Thread     every method from any thread.
/// Limits     65,536 facts wait at most (a stalled disk); past that facts are dropped, counted and said so: what they
///            would have explained becomes `ledger_lost`.
/// Errors     a ledger that cannot be written is tried again every second into a new file, nothing being forgotten; a
///            corrupt catalog is parked beside and built anew in the background while facts go on into the ledger.
class Store final : public FactSink {
 public:
  struct Options {
    std::string ledger_folder = "ledger";  // within the file system
    std::string catalog_path;              // for SQLite: a real path
    /// Media's part of a rebuild: calls its argument with every fact that media files tell (store/catalog_rebuild.h).
    /// Run on a thread of the store's own, at most one at a time, when the catalog has to be built anew; it ends early
    /// when its argument answers false. Whatever it uses must outlive the store.
    MediaFacts media_facts;
    std::size_t queue_facts = 65'536;
    std::size_t ledger_keep_days = 7;  // days of ledger files kept behind the newest snapshot
    /// A catalog up to this size is checked page by page before it answers (64 MiB: about 0.2 s); a larger one answers at
    /// once and is checked in the background.
    std::uint64_t quick_check_bytes = 64ULL * 1024 * 1024;
  };

  /// What the ledger's tail told before anything was appended: enough to explain the downtime.
  struct LastLife {
    bool is_first_start = true;
    bool was_stopped_in_order = false;
    std::string boot_id;
    std::uint64_t start = 0;
    std::optional<WallTime> last_fact_at;
  };

  /// Starts the thread and returns at once; ledger tail and catalog are opened behind it. Facts may be appended meanwhile.
  static Result<std::unique_ptr<Store>> start(Options options, base::FileSystem& files,
                                              base::Clock& clock, base::Logger& logger,
                                              base::Metrics& metrics);
  ~Store() override;  // flushes, then stops

  void append(Fact fact) override;
  /// Waits until everything appended before is durable in the ledger and applied to the catalog.
  Result<void> flush(nanoseconds limit);
  /// Makes everything appended before durable in the ledger; the committer calls it before it syncs media files, so
  /// that a durable fragment never belongs to a segment the ledger does not know.
  Result<void> sync_ledger(nanoseconds limit);
  /// Begins a new ledger file with a snapshot soon, as each new UTC day does.
  void request_snapshot();
  /// Tombstones whose files are gone.
  void purge(media::RecordingId recording, std::vector<media::SegmentId> segments);

  /// True once the tail is replayed and the catalog answers.
  [[nodiscard]] bool is_ready() const;
  /// Waits for `is_ready`. kUnavailable when the limit passes.
  Result<void> wait_until_ready(nanoseconds limit);
  [[nodiscard]] LastLife last_life() const;  // after wait_until_ready
  /// A reader that follows the catalog when another takes its place. Its calls answer kUnavailable while none is there.
  /// It may not outlive the store.
  Result<std::unique_ptr<CatalogReader>> open_reader();

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace longtake::store
