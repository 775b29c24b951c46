#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "store/fact_applier.h"
#include "store/sqlite.h"

namespace longtake::store {

/// The catalog's file: schema, pragmas, and facts applied in transactions. CatalogWriter and rebuild are made of it.
///
/// Thread     one user.
class CatalogDatabase {
 public:
  enum class Purpose {
    kServe,    // WAL, synchronous NORMAL: the ledger brings back what a power cut takes
    kRebuild,  // no durability at all until it is finished: a half-built one is thrown away
  };
  struct Entry {
    std::uint64_t sequence = 0;  // 0: media's, which has none
    const Fact* fact = nullptr;  // null: only the sequence moves
    FactApplier::Source source = FactApplier::Source::kLedger;
  };

  /// kDataLoss: not a catalog, corrupt, or of another schema version.
  static Result<std::unique_ptr<CatalogDatabase>> open(const std::string& path, Purpose purpose);

  /// In one transaction. Entries with a sequence at or before `applied_sequence` are skipped. A fact that SQLite refuses
  /// by a constraint is passed over and counted: one bad fact must not stop the catalog for ever.
  Result<void> apply(std::span<const Entry> entries);
  Result<void> purge(media::RecordingId recording, std::span<const media::SegmentId> segments);
  Result<std::uint64_t> applied_sequence();
  [[nodiscard]] std::uint64_t refused_count() const { return refused_count_; }
  [[nodiscard]] sqlite::Database& database() { return *database_; }

 private:
  Result<void> apply_all(std::span<const Entry> entries, bool is_each_guarded);
  Result<void> apply_guarded(const Entry& entry);

  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<FactApplier> applier_;
  sqlite::Statement set_applied_;
  std::uint64_t refused_count_ = 0;
};

/// PRAGMA quick_check by a connection of its own. kDataLoss with SQLite's words; kCancelled when stopped.
Result<void> quick_check_catalog(const std::string& path, std::stop_token stop);
/// Size of the file and its WAL; 0 when there is none.
std::uint64_t catalog_size_bytes(const std::string& path);

}  // namespace longtake::store
