#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/catalog_keeper.h"
#include "store/ledger_writer.h"
#include "store/store_mailbox.h"

namespace longtake::store {

/// The store's thread: takes facts from the mailbox, writes them to the ledger, syncs it once a second or when somebody
/// waits, and only then lets the catalog have them.
///
/// Order      append → write (survives kill -9) → sync (survives a power cut) → apply. The catalog is never ahead of the
///            durable ledger (docs/design/store.md, invariant C1).
/// Thread     `run` is the thread; everything here is its own.
/// Limits     as many facts wait for the disk here as wait in the mailbox at most; then the mailbox fills.
class StoreWorker {
 public:
  StoreWorker(const Store::Options& options, base::FileSystem& files, base::Clock& clock,
              base::Logger& logger, base::Metrics& metrics, StoreMailbox& mailbox,
              CatalogGate& gate);
  /// Until the mailbox says stop; then everything that waits is written, synced and applied once more.
  void run();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Unapplied {
    std::uint64_t sequence = 0;
    Fact fact;
  };

  bool work_once();
  void open_ledger();
  void open_catalog();
  void append(std::vector<Fact> facts);
  void write_ledger(bool is_sync_wanted, bool is_tick);
  void on_ledger_error(const Error& error);
  void follow_with_catalog();
  void apply_purges();
  void take_snapshot_if_due(bool is_requested);
  void finish_snapshot();
  void report();
  [[nodiscard]] std::size_t room() const;

  Store::Options options_;
  base::FileSystem& files_;
  base::Clock& clock_;
  base::Logger& logger_;
  StoreMailbox& mailbox_;
  base::Counter& records_;
  base::Counter& ledger_failures_;
  base::Histogram& sync_seconds_;

  CatalogKeeper catalog_;
  std::unique_ptr<LedgerWriter> ledger_;
  std::uint64_t first_sequence_ = 0;  // the ledger's oldest record as it was opened
  std::vector<Fact> early_;           // came before the ledger could be opened
  std::vector<Unapplied>
      unapplied_;  // appended, and not yet durable or not yet offered to the catalog
  std::vector<StoreMailbox::Purge> purges_;
  std::uint64_t taken_ = 0;    // facts from the mailbox, ever
  std::uint64_t durable_ = 0;  // of them
  std::uint64_t applied_ = 0;
  std::string trouble_;  // of the ledger; empty: it is well
  SteadyTime next_tick_{};
  SteadyTime retry_ledger_at_{};
  SteadyTime next_complaint_at_{};
  std::string last_snapshot_day_;
  bool is_snapshot_unfinished_ =
      false;  // appended, and the catalog not yet cleared of what it leaves out
};

}  // namespace longtake::store
