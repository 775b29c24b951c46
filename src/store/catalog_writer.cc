#include <filesystem>

#include "store/catalog.h"
#include "store/catalog_database.h"
#include "store/catalog_snapshot.h"

namespace longtake::store {

namespace {

// A passive checkpoint each 4 MiB keeps the WAL small while nobody reads; past 32 MiB (a reader that stayed) its space is
// taken back as soon as that is possible. FAULTS CAT-04.
constexpr std::int64_t kPassivePages = 1024;  // of 4 KiB
constexpr std::int64_t kTruncatePages = 8 * 1024;

class Writer final : public CatalogWriter {
 public:
  Writer(std::string path, std::unique_ptr<CatalogDatabase> catalog)
      : wal_path_(std::move(path) + "-wal"), catalog_(std::move(catalog)) {}

  Result<void> apply(std::span<const Entry> entries) override {
    std::vector<CatalogDatabase::Entry> batch;
    batch.reserve(entries.size());
    for (const Entry& entry : entries)
      batch.push_back({entry.sequence, entry.fact, FactApplier::Source::kLedger});
    return catalog_->apply(batch);
  }

  Result<void> purge(media::RecordingId recording,
                     std::span<const media::SegmentId> segments) override {
    return catalog_->purge(recording, segments);
  }

  Result<std::uint64_t> applied_sequence() override { return catalog_->applied_sequence(); }

  Result<void> checkpoint() override {
    const std::int64_t pages = catalog_->database().wal_pages();
    if (pages < kPassivePages) return {};
    const auto mode = pages < kTruncatePages ? sqlite::Database::Checkpoint::kPassive
                                             : sqlite::Database::Checkpoint::kTruncate;
    LT_TRY(catalog_->database().checkpoint(mode));
    return {};
  }

  std::uint64_t wal_bytes() const override {
    std::error_code error;
    const auto size = std::filesystem::file_size(wal_path_, error);
    return error ? 0 : size;
  }

  Result<std::vector<Fact>> living_facts() override {
    return store::living_facts(catalog_->database());
  }
  Result<void> forget_dead() override {
    LT_ASSIGN(const auto transaction, sqlite::Transaction::begin(catalog_->database()));
    LT_TRY(store::forget_dead(catalog_->database()));
    return transaction->commit();
  }
  std::uint64_t refused_count() const override { return catalog_->refused_count(); }

 private:
  std::string wal_path_;
  std::unique_ptr<CatalogDatabase> catalog_;
};

}  // namespace

Result<std::unique_ptr<CatalogWriter>> CatalogWriter::open(const std::string& path) {
  LT_ASSIGN(auto catalog, CatalogDatabase::open(path, CatalogDatabase::Purpose::kServe));
  return std::unique_ptr<CatalogWriter>(std::make_unique<Writer>(path, std::move(catalog)));
}

}  // namespace longtake::store
