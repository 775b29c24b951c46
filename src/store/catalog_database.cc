#include "store/catalog_database.h"

#include <fmt/format.h>

#include <filesystem>

#include "store/schema.h"

namespace longtake::store {

namespace {

constexpr std::int64_t kApplicationId = 0x4C544B43;
constexpr std::int64_t kSchemaVersion = 1;

// The WAL is cut back to this when it is reset; CatalogWriter::checkpoint keeps it there. No automatic checkpoints
// (sqlite.cc): SQLite 3.40 may lose a WAL reset that races with another connection's.
constexpr std::string_view kServePragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384;";
constexpr std::string_view kRebuildPragmas =
    "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA cache_size = -131072;";

Result<void> check_schema(sqlite::Database& database) {
  LT_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
  LT_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (application == kApplicationId && version == kSchemaVersion) return {};
  return fail(ErrorCode::kDataLoss,
              fmt::format("is not a catalog of this version (application {:#x}, schema {}); it "
                          "is built anew from media and ledger",
                          application, version));
}

Result<void> make_schema_if_new(sqlite::Database& database) {
  LT_ASSIGN(const std::int64_t objects, database.integer("SELECT count(*) FROM sqlite_schema"));
  LT_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
  if (objects > 0 || application != 0) return {};
  LT_ASSIGN(const auto transaction, sqlite::Transaction::begin(database));
  LT_TRY(database.run_script(kSchema));
  return transaction->commit();
}

}  // namespace

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::open(const std::string& path,
                                                               Purpose purpose) {
  auto catalog = std::make_unique<CatalogDatabase>();
  const auto open_it = [&]() -> Result<void> {
    LT_ASSIGN(catalog->database_, sqlite::Database::open(path, sqlite::Access::kReadWrite));
    sqlite::Database& database = *catalog->database_;
    LT_TRY(database.run_script(purpose == Purpose::kServe ? kServePragmas : kRebuildPragmas));
    LT_TRY(make_schema_if_new(database));
    LT_TRY(check_schema(database));
    const auto mode =
        purpose == Purpose::kServe ? FactApplier::Mode::kLive : FactApplier::Mode::kRebuild;
    LT_ASSIGN(catalog->applier_, FactApplier::prepare(database, mode));
    LT_ASSIGN(catalog->set_applied_,
              database.prepare("UPDATE meta SET value = ?1 WHERE key = 'applied_sequence'"));
    return {};
  };
  auto opened = open_it();
  if (opened) return catalog;
  // A statement that does not fit its schema: the schema is damaged.
  Error error = std::move(opened).error();
  if (error.code() == ErrorCode::kInternal) error = Error(ErrorCode::kDataLoss, error.message());
  return std::unexpected(std::move(error).in(fmt::format("catalog {}", path)));
}

Result<std::uint64_t> CatalogDatabase::applied_sequence() {
  LT_ASSIGN(const std::int64_t applied,
            database_->integer("SELECT value FROM meta WHERE key = 'applied_sequence'"));
  return static_cast<std::uint64_t>(applied);
}

Result<void> CatalogDatabase::apply(std::span<const Entry> entries) {
  auto applied = apply_all(entries, false);
  if (applied) return {};
  applier_->forget_caches();
  if (applied.error().code() != ErrorCode::kInternal) return applied;
  applied = apply_all(entries, true);
  if (!applied) applier_->forget_caches();
  return applied;
}

Result<void> CatalogDatabase::apply_all(std::span<const Entry> entries, bool is_each_guarded) {
  LT_ASSIGN(const auto transaction, sqlite::Transaction::begin(*database_));
  LT_ASSIGN(std::uint64_t applied, applied_sequence());
  bool has_moved = false;
  for (const Entry& entry : entries) {
    if (entry.sequence != 0 && entry.sequence <= applied) continue;
    if (entry.fact != nullptr) {
      if (is_each_guarded) {
        LT_TRY(apply_guarded(entry));
      } else {
        LT_TRY(applier_->apply(*entry.fact, entry.source));
      }
    }
    if (entry.sequence == 0) continue;
    applied = entry.sequence;
    has_moved = true;
  }
  if (has_moved) LT_TRY(set_applied_.run(applied));
  return transaction->commit();
}

Result<void> CatalogDatabase::apply_guarded(const Entry& entry) {
  LT_TRY(database_->run_script("SAVEPOINT fact"));
  const auto applied = applier_->apply(*entry.fact, entry.source);
  if (!applied && applied.error().code() != ErrorCode::kInternal) return applied;
  if (!applied) {
    applier_->forget_caches();
    ++refused_count_;
    LT_TRY(database_->run_script("ROLLBACK TO fact"));
  }
  return database_->run_script("RELEASE fact");
}

Result<void> CatalogDatabase::purge(media::RecordingId recording,
                                    std::span<const media::SegmentId> segments) {
  LT_ASSIGN(const auto transaction, sqlite::Transaction::begin(*database_));
  LT_TRY(applier_->purge(recording, segments));
  return transaction->commit();
}

Result<void> quick_check_catalog(const std::string& path, std::stop_token stop) {
  LT_ASSIGN(const auto database, sqlite::Database::open(path, sqlite::Access::kRead));
  database->stop_when(std::move(stop));
  LT_ASSIGN(const std::string answer, database->text("PRAGMA quick_check(1)"));
  if (answer == "ok") return {};
  return fail(ErrorCode::kDataLoss, fmt::format("catalog {}: {}", path, answer));
}

std::uint64_t catalog_size_bytes(const std::string& path) {
  std::uint64_t sum = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path + suffix, error);
    if (!error) sum += size;
  }
  return sum;
}

}  // namespace longtake::store
