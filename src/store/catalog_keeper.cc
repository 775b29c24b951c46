#include "store/catalog_keeper.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "store/catalog_database.h"
#include "store/ledger_reader.h"

namespace longtake::store {

namespace {

constexpr std::size_t kBatchFacts = 10'000;
constexpr std::chrono::seconds kRetryAfter{1};
// A rebuild that failed reads all media again: not every second.
constexpr std::chrono::seconds kRebuildAfter{30};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

/// Work on a thread of its own, and its outcome.
struct CatalogKeeper::Background {
  std::atomic<bool> is_done{false};
  Result<void> outcome;  // once done
  std::jthread thread;   // last: it uses the others
};

CatalogKeeper::CatalogKeeper(Options options, base::FileSystem& files, base::Logger& logger,
                             base::Metrics& metrics, CatalogGate& gate)
    : options_(std::move(options)),
      files_(files),
      logger_(logger),
      apply_seconds_(metrics.histogram("longtake_catalog_apply_seconds",
                                       "Time to apply one batch of facts to the catalog.")),
      wal_bytes_(metrics.gauge("longtake_catalog_wal_bytes", "Size of the catalog's WAL.")),
      rebuilds_(metrics.counter("longtake_catalog_rebuilds_total",
                                "Catalogs that had to be built anew.")),
      gate_(gate) {}

CatalogKeeper::~CatalogKeeper() = default;

std::optional<std::uint64_t> CatalogKeeper::open(LedgerBounds ledger) {
  wants_open_ = false;
  std::error_code ignored;  // cannot be asked: opening says why
  if (!std::filesystem::exists(options_.path, ignored)) {
    start_rebuild("there is none", ledger.last_sequence);
    return std::nullopt;
  }
  const Result<std::uint64_t> applied = open_existing();
  if (!applied) {
    on_error(applied.error(), "open");
    wants_open_ = catalog_ == nullptr && !wants_rebuild_ && rebuild_ == nullptr;
    return std::nullopt;
  }
  // FAULTS CAT-02: a catalog from a backup, or a ledger that lost its end, do not belong together.
  if (*applied > ledger.last_sequence) {
    start_rebuild(fmt::format("it has applied record {}, but the ledger ends with {}", *applied,
                              ledger.last_sequence),
                  ledger.last_sequence);
    return *applied;
  }
  if (ledger.first_sequence > *applied + 1) {
    start_rebuild(fmt::format("it has applied record {}, but the ledger begins with {}", *applied,
                              ledger.first_sequence),
                  ledger.last_sequence);
    return std::nullopt;
  }
  is_behind_ = true;
  return std::nullopt;
}

bool CatalogKeeper::wants_open() const {
  return wants_open_ && std::chrono::steady_clock::now() >= retry_at_;
}

Result<std::uint64_t> CatalogKeeper::open_existing() {
  LT_ASSIGN(catalog_, CatalogWriter::open(options_.path));
  if (catalog_size_bytes(options_.path) <= options_.quick_check_bytes) {
    LT_TRY(quick_check_catalog(options_.path, {}));
  } else {
    start_background_check();
  }
  return catalog_->applied_sequence();
}

void CatalogKeeper::start_background_check() {
  check_ = std::make_unique<Background>();
  check_->thread = std::jthread([this, check = check_.get()](const std::stop_token& stop) {
    check->outcome = quick_check_catalog(options_.path, stop);
    check->is_done = true;
    options_.wake();
  });
}

void CatalogKeeper::on_error(const Error& error, std::string_view doing) {
  trouble_ = error.message();
  is_making_progress_ = false;
  retry_at_ = std::chrono::steady_clock::now() + kRetryAfter;
  LT_LOG(logger_, kWarning, "catalog.failed", {"doing", doing}, {"error", error.message()},
         {"next", "facts stay in the ledger; tried again in 1 s"});
  is_behind_ = catalog_ != nullptr;
  if (error.code() != ErrorCode::kDataLoss) return;
  wants_rebuild_ = true;
  retry_at_ = {};
}

void CatalogKeeper::start_rebuild(std::string_view why, std::uint64_t durable) {
  wants_rebuild_ = false;
  check_.reset();
  catalog_.reset();
  gate_.is_usable = false;
  ++gate_.generation;  // what readers still find wrong with the old file no longer counts
  gate_.is_suspect = false;
  trouble_ = fmt::format("the catalog is being rebuilt: {}", why);
  const Result<std::string> parked = park_catalog(options_.path);
  if (durable == 0 && parked && parked->empty()) {
    // A new folder, as far as anybody can tell.
    LT_LOG(logger_, kInfo, "catalog.begun", {"from", "media alone: the ledger is empty too"});
  } else {
    LT_LOG(
        logger_, kWarning, "catalog.rebuild_started", {"reason", why},
        {"parked", parked ? std::string_view(*parked) : std::string_view(parked.error().message())},
        {"next", "recording goes on; answers come back when it is done"});
  }
  rebuilds_.add();
  rebuild_ = std::make_unique<Background>();
  rebuild_->thread =
      std::jthread([this, durable, rebuild = rebuild_.get()](const std::stop_token& stop) {
        RebuildOptions options;
        options.ledger_folder = options_.ledger_folder;
        options.up_to_sequence = durable;
        options.media_facts = options_.media_facts;
        options.stop = stop;
        auto built = build_catalog(files_, options_.path + ".new", options);
        if (!built) rebuild->outcome = std::unexpected(std::move(built).error());
        rebuild->is_done = true;
        options_.wake();
      });
}

void CatalogKeeper::finish_rebuild() {
  rebuild_->thread.join();
  Result<void> outcome = std::move(rebuild_->outcome);
  rebuild_.reset();
  if (outcome) outcome = swap_in_catalog(options_.path + ".new", options_.path);
  if (outcome) {
    auto opened = CatalogWriter::open(options_.path);
    if (opened) {
      catalog_ = *std::move(opened);
    } else {
      outcome = std::unexpected(std::move(opened).error());
    }
  }
  if (outcome) {
    is_behind_ = true;
    ++gate_.generation;
    gate_.is_suspect = false;
    LT_LOG(logger_, kInfo, "catalog.rebuilt", {"path", options_.path});
    return;
  }
  trouble_ = outcome.error().message();
  wants_rebuild_ = true;
  retry_at_ = std::chrono::steady_clock::now() + kRebuildAfter;
  LT_LOG(logger_, kError, "catalog.rebuild_failed", {"error", trouble_},
         {"next", "recording goes on; tried again in 30 s"});
}

void CatalogKeeper::step(std::uint64_t durable) {
  is_making_progress_ = false;
  if (rebuild_ != nullptr) {
    if (!rebuild_->is_done) return;
    finish_rebuild();
  }
  if (check_ != nullptr && check_->is_done) {
    check_->thread.join();
    const Result<void> outcome = std::move(check_->outcome);
    check_.reset();
    if (!outcome) on_error(outcome.error(), "check");
  }
  if (gate_.is_suspect) wants_rebuild_ = true;
  if (std::chrono::steady_clock::now() < retry_at_) return;
  if (wants_rebuild_) {
    start_rebuild(trouble_.empty() ? "a reader met damaged pages" : trouble_, durable);
  } else if (is_behind_) {
    catch_up(durable);
  }
}

/// One batch from the ledger, so that the store's thread can look after the ledger in between.
void CatalogKeeper::catch_up(std::uint64_t durable) {
  const auto read_and_apply = [&]() -> Result<bool> {
    LT_ASSIGN(const std::uint64_t applied, catalog_->applied_sequence());
    LT_ASSIGN(const auto reader, LedgerReader::open(files_, options_.ledger_folder, applied + 1));
    std::vector<LedgerRecord> records;
    while (records.size() < kBatchFacts) {
      LT_ASSIGN(std::optional<LedgerRecord> record, reader->next());
      if (!record || record->sequence > durable) break;
      records.push_back(*std::move(record));
    }
    std::vector<CatalogWriter::Entry> entries;
    for (const LedgerRecord& record : records) {
      // What a snapshot restates, this catalog has.
      const bool is_news = record.fact && !record.is_snapshot;
      entries.push_back({record.sequence, is_news ? &*record.fact : nullptr});
    }
    const bool is_end = records.size() < kBatchFacts;
    if (is_end && durable > 0) entries.push_back({durable, nullptr});
    LT_TRY(catalog_->apply(entries));
    for (const LedgerFinding& finding : reader->findings()) {
      if (!finding.is_damage()) continue;
      LT_LOG(logger_, kError, "ledger.damaged", {"file", finding.file}, {"offset", finding.offset},
             {"kind", to_string(finding.kind)}, {"detail", finding.detail},
             {"next", "what it said is lost; time it explained becomes ledger_lost"});
    }
    return is_end;
  };
  const Result<bool> is_done = read_and_apply();
  if (!is_done) return on_error(is_done.error(), "catch_up");
  is_behind_ = !*is_done;
  is_making_progress_ = is_behind_;
  if (is_behind_) return;
  trouble_.clear();
  gate_.is_usable = true;
}

void CatalogKeeper::apply(std::span<const CatalogWriter::Entry> entries) {
  for (; !entries.empty() && is_current();
       entries = entries.subspan(std::min(kBatchFacts, entries.size()))) {
    const auto start = std::chrono::steady_clock::now();
    const auto applied = catalog_->apply(entries.first(std::min(kBatchFacts, entries.size())));
    if (!applied) return on_error(applied.error(), "apply");
    apply_seconds_.observe(seconds_since(start));
  }
  if (catalog_ != nullptr && catalog_->refused_count() != refused_logged_) {
    refused_logged_ = catalog_->refused_count();
    LT_LOG(logger_, kError, "catalog.facts_refused", {"count", refused_logged_},
           {"next", "they stay in the ledger; please report this"});
  }
}

void CatalogKeeper::purge(media::RecordingId recording,
                          std::span<const media::SegmentId> segments) {
  if (!is_current()) return;
  // A purge lost to an error leaves tombstones, which recovery finds at the next start.
  const auto purged = catalog_->purge(recording, segments);
  if (!purged) on_error(purged.error(), "purge");
}

void CatalogKeeper::checkpoint() {
  if (catalog_ == nullptr) return;
  const auto done = catalog_->checkpoint();
  wal_bytes_.set(static_cast<double>(catalog_->wal_bytes()));
  if (!done) on_error(done.error(), "checkpoint");
}

Result<std::vector<Fact>> CatalogKeeper::living_facts() {
  if (!is_current()) return fail(ErrorCode::kUnavailable, "the catalog is not current");
  return catalog_->living_facts();
}

void CatalogKeeper::forget_dead() {
  if (!is_current()) return;
  const auto forgotten = catalog_->forget_dead();
  if (!forgotten) on_error(forgotten.error(), "forget");
}

}  // namespace longtake::store
