#include "store/catalog_rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "base/kill_point.h"
#include "store/catalog_database.h"
#include "store/ledger_reader.h"

namespace longtake::store {

namespace {

constexpr std::size_t kBatchFacts = 10'000;
constexpr std::size_t kParkedKept = 3;
constexpr std::string_view kParked = ".corrupt-";

/// A path of the operating system as a folder to open and a name in it.
struct Place {
  std::unique_ptr<base::FileSystem> folder;
  std::string name;
};

Result<Place> place_of(const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string folder = whole.has_parent_path() ? whole.parent_path().string() : ".";
  LT_ASSIGN(auto files, base::open_file_system(folder));
  return Place{std::move(files), whole.filename().string()};
}

Result<void> remove_if_there(base::FileSystem& files, const std::string& name) {
  auto removed = files.remove(name);
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  return {};
}

Result<void> remove_database(base::FileSystem& files, const std::string& name) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"})
    LT_TRY(remove_if_there(files, name + suffix));
  return {};
}

/// Collects facts and applies them by the batch.
class Builder {
 public:
  Builder(CatalogDatabase& catalog, const RebuildOptions& options)
      : catalog_(catalog), options_(options) {}

  Result<void> take(Fact fact, std::uint64_t sequence, FactApplier::Source source) {
    facts_.push_back(std::move(fact));
    entries_.push_back({sequence, nullptr, source});
    ++(source == FactApplier::Source::kMedia ? progress_.media_facts : progress_.ledger_facts);
    return facts_.size() < kBatchFacts ? Result<void>() : flush();
  }
  /// The ledger is read up to here.
  Result<void> reach(std::uint64_t sequence) {
    LT_TRY(flush());
    const CatalogDatabase::Entry end{sequence, nullptr, FactApplier::Source::kLedger};
    return catalog_.apply(std::span(&end, 1));
  }
  Result<void> flush() {
    if (options_.stop.stop_requested())
      return fail(ErrorCode::kCancelled, "the rebuild was stopped");
    for (std::size_t i = 0; i < facts_.size(); ++i) entries_[i].fact = &facts_[i];
    LT_TRY(catalog_.apply(entries_));
    facts_.clear();
    entries_.clear();
    if (options_.progress) options_.progress(progress_);
    return {};
  }
  [[nodiscard]] const RebuildProgress& progress() const { return progress_; }

 private:
  CatalogDatabase& catalog_;
  const RebuildOptions& options_;
  std::vector<Fact> facts_;
  std::vector<CatalogDatabase::Entry> entries_;
  RebuildProgress progress_;
};

Result<void> add_ledger(base::FileSystem& files, const RebuildOptions& options, Builder& builder) {
  LT_ASSIGN(const auto snapshot, find_last_snapshot(files, options.ledger_folder));
  const SnapshotPlace place = snapshot.value_or(SnapshotPlace{});
  LT_ASSIGN(const auto reader, LedgerReader::open(files, options.ledger_folder,
                                                  std::max<std::uint64_t>(place.begin, 1)));
  std::uint64_t last = 0;
  while (true) {
    LT_ASSIGN(std::optional<LedgerRecord> record, reader->next());
    if (!record || record->sequence > options.up_to_sequence) break;
    last = record->sequence;
    if (!record->fact) continue;
    // Facts of any other snapshot are told by the records themselves.
    if (record->is_snapshot && record->sequence > place.end) continue;
    LT_TRY(builder.take(
        *std::move(record->fact), record->sequence,
        record->is_snapshot ? FactApplier::Source::kSnapshot : FactApplier::Source::kLedger));
  }
  return builder.reach(last);
}

Result<void> add_media(const RebuildOptions& options, Builder& builder) {
  if (!options.media_facts) return {};
  Result<void> taken;
  LT_TRY(options.media_facts([&](const Fact& fact) {
    if (taken) taken = builder.take(fact, 0, FactApplier::Source::kMedia);
    return taken.has_value();
  }));
  LT_TRY(std::move(taken));
  return builder.flush();
}

/// "catalog.db.corrupt-7" is 7.
std::optional<std::uint32_t> parked_number(std::string_view entry, const std::string& name) {
  const std::string prefix = name + std::string(kParked);
  if (!entry.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = entry.substr(prefix.size());
  std::uint32_t number = 0;
  const auto [to, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || to != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Result<std::string> park_in(base::FileSystem& files, const std::string& name) {
  LT_ASSIGN(const auto entries, files.list(""));
  std::vector<std::uint32_t> parked;
  bool is_there = false;
  for (const base::DirectoryEntry& entry : entries) {
    is_there = is_there || entry.name == name;
    if (const auto number = parked_number(entry.name, name)) parked.push_back(*number);
  }
  if (!is_there) {
    LT_TRY(remove_database(files,
                           name));  // a WAL without its database would be replayed into the next
    return std::string();
  }
  std::ranges::sort(parked);
  const std::string to =
      fmt::format("{}{}{}", name, kParked, parked.empty() ? 1 : parked.back() + 1);
  // The WAL first: a crash in between leaves a database without it, which is older but never mixed.
  auto moved_wal = files.rename(name + "-wal", to + "-wal");
  if (!moved_wal && moved_wal.error().code() != ErrorCode::kNotFound)
    return std::unexpected(std::move(moved_wal).error());
  LT_TRY(files.rename(name, to));
  LT_TRY(remove_database(files, name));
  for (std::size_t i = 0; i + kParkedKept <= parked.size(); ++i)
    LT_TRY(remove_database(files, fmt::format("{}{}{}", name, kParked, parked[i])));
  LT_TRY(files.sync_directory(""));
  base::kill_point("catalog.parked");
  return to;
}

}  // namespace

Result<RebuildProgress> build_catalog(base::FileSystem& ledger_files, const std::string& new_path,
                                      const RebuildOptions& options) {
  LT_ASSIGN(const Place place, place_of(new_path));
  LT_TRY(remove_database(*place.folder, place.name));
  RebuildProgress progress;
  {
    LT_ASSIGN(const auto catalog,
              CatalogDatabase::open(new_path, CatalogDatabase::Purpose::kRebuild));
    Builder builder(*catalog, options);
    LT_TRY(add_ledger(ledger_files, options, builder));
    LT_TRY(add_media(options, builder));
    progress = builder.progress();
  }
  // It was built without a single sync; it gets its name only when it is whole on the disk (invariant C5).
  LT_ASSIGN(const auto file, place.folder->open(place.name, base::OpenMode::kReadWrite));
  LT_TRY(file->sync());
  base::kill_point("catalog.built");
  return progress;
}

Result<std::string> park_catalog(const std::string& path) {
  LT_ASSIGN(const Place place, place_of(path));
  auto parked = park_in(*place.folder, place.name);
  if (!parked) return std::unexpected(std::move(parked).error().in("parking the catalog"));
  return parked;
}

Result<void> swap_in_catalog(const std::string& new_path, const std::string& path) {
  LT_TRY(park_catalog(path));
  LT_ASSIGN(const Place place, place_of(path));
  LT_TRY(place.folder->rename(std::filesystem::path(new_path).filename().string(), place.name));
  LT_TRY(place.folder->sync_directory(""));
  base::kill_point("catalog.swapped");
  return {};
}

Result<RebuildProgress> rebuild_catalog(base::FileSystem& ledger_files,
                                        const std::string& catalog_path,
                                        const RebuildOptions& options) {
  const std::string new_path = catalog_path + ".new";
  LT_ASSIGN(const RebuildProgress progress, build_catalog(ledger_files, new_path, options));
  LT_TRY(swap_in_catalog(new_path, catalog_path));
  return progress;
}

}  // namespace longtake::store
