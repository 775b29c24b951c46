#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/catalog.h"
#include "store/catalog_rebuild.h"

namespace longtake::store {

/// What readers of the catalog see of its fate, from any thread.
struct CatalogGate {
  std::atomic<bool> is_usable{false};
  std::atomic<std::uint64_t> generation{0};  // another file stands under the path: open it anew
  std::atomic<bool> is_suspect{false};       // a reader met corrupt pages
};

/// Keeps one good catalog at its path: opens, checks, brings it up to the ledger, and when it cannot be used parks it and
/// builds another in the background. Whatever happens to the catalog, the ledger has the facts, so this forgets freely.
///
/// Thread     the store's; rebuild and big checks run on threads of its own, on files nobody else writes.
/// Errors     none to the caller: `is_current` says whether the catalog follows; reasons are logged.
/// Source     docs/design/store.md, "The catalog's life".
class CatalogKeeper {
 public:
  struct Options {
    std::string path;
    std::string ledger_folder;
    MediaFacts media_facts;
    std::uint64_t quick_check_bytes = 0;  // larger ones are checked in the background
    std::function<void()> wake;           // asks the store's thread for a `step`; any thread
  };
  struct LedgerBounds {
    std::uint64_t first_sequence = 0;  // 0: empty
    std::uint64_t last_sequence = 0;
  };

  CatalogKeeper(Options options, base::FileSystem& files, base::Logger& logger,
                base::Metrics& metrics, CatalogGate& gate);
  ~CatalogKeeper();

  /// Opens what is there, or begins a rebuild. Gives the sequence the catalog claims to have applied when the ledger does
  /// not reach that far: the ledger must not use those again.
  std::optional<std::uint64_t> open(LedgerBounds ledger);
  /// `open` failed for a reason that may pass, and it is time to try again.
  [[nodiscard]] bool wants_open() const;
  /// Goes on with what is under way: a finished rebuild, catching up, a try that is due again. `durable` is the
  /// ledger's last durable record.
  void step(std::uint64_t durable);
  /// True when all facts up to the last `apply` or `step` are in the catalog.
  [[nodiscard]] bool is_current() const { return catalog_ != nullptr && !is_behind_; }
  /// There is a catalog that answers, perhaps a little late.
  [[nodiscard]] bool is_usable() const { return gate_.is_usable; }
  /// More can be done at once by another `step`.
  [[nodiscard]] bool is_catching_up() const { return is_making_progress_; }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  /// Durable facts, in order. Nothing is done unless `is_current`: a catalog that is behind reads them in the ledger.
  void apply(std::span<const CatalogWriter::Entry> entries);
  /// Only when `is_current`.
  void purge(media::RecordingId recording, std::span<const media::SegmentId> segments);
  void checkpoint();
  Result<std::vector<Fact>> living_facts();
  void forget_dead();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Background;

  Result<std::uint64_t> open_existing();
  void catch_up(std::uint64_t durable);
  void start_rebuild(std::string_view why, std::uint64_t durable);
  void finish_rebuild();
  void start_background_check();
  void on_error(const Error& error, std::string_view doing);

  Options options_;
  base::FileSystem& files_;
  base::Logger& logger_;
  base::Histogram& apply_seconds_;
  base::Gauge& wal_bytes_;
  base::Counter& rebuilds_;
  CatalogGate& gate_;

  std::unique_ptr<CatalogWriter> catalog_;
  bool is_behind_ = false;  // the ledger has durable facts that the catalog has not
  bool is_making_progress_ = false;
  bool wants_rebuild_ = false;  // once `retry_at_` has come
  bool wants_open_ = false;
  SteadyTime retry_at_{};
  std::string trouble_;
  std::uint64_t refused_logged_ = 0;
  std::unique_ptr<Background> rebuild_;
  std::unique_ptr<Background> check_;
};

}  // namespace longtake::store
