#include "store/store_worker.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/kill_point.h"
#include "store/ledger_reader.h"

namespace longtake::store {

namespace {

// With the commit of media (DESIGN §7). Real time and not the Clock's: these are waits, nothing is dated by them.
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kRetryAfter{1};
constexpr std::chrono::seconds kComplainEvery{60};

}  // namespace

StoreWorker::StoreWorker(const Store::Options& options, base::FileSystem& files, base::Clock& clock,
                         base::Logger& logger, base::Metrics& metrics, StoreMailbox& mailbox,
                         CatalogGate& gate)
    : options_(options),
      files_(files),
      clock_(clock),
      logger_(logger),
      mailbox_(mailbox),
      records_(
          metrics.counter("longtake_ledger_records_total", "Facts made durable in the ledger.")),
      ledger_failures_(metrics.counter("longtake_ledger_failures_total",
                                       "Failed writes and syncs of the ledger.")),
      sync_seconds_(
          metrics.histogram("longtake_ledger_sync_seconds", "Time to write and sync the ledger.")),
      catalog_({options.catalog_path, options.ledger_folder, options.media_facts,
                options.quick_check_bytes, [&mailbox] { mailbox.wake(); }},
               files, logger, metrics, gate) {}

void StoreWorker::run() {
  open_ledger();
  while (work_once()) {
  }
}

std::size_t StoreWorker::room() const {
  const std::size_t waiting = early_.size() + (ledger_ == nullptr ? 0 : ledger_->pending_count());
  return options_.queue_facts - std::min(options_.queue_facts, waiting);
}

bool StoreWorker::work_once() {
  const auto now = std::chrono::steady_clock::now();
  const auto wait = catalog_.is_catching_up() ? SteadyTime::duration(0)
                                              : std::max(next_tick_ - now, SteadyTime::duration(0));
  StoreMailbox::Work work = mailbox_.take(room(), wait);
  const bool is_tick = work.is_stopping || std::chrono::steady_clock::now() >= next_tick_;
  if (is_tick) next_tick_ = std::chrono::steady_clock::now() + kTick;
  std::ranges::move(work.purges, std::back_inserter(purges_));
  taken_ += work.facts.size();
  if (ledger_ == nullptr) open_ledger();
  append(std::move(work.facts));
  if (ledger_ != nullptr) {
    write_ledger(work.is_sync_wanted, is_tick);
    follow_with_catalog();
    if (is_tick || work.is_snapshot_wanted) take_snapshot_if_due(work.is_snapshot_wanted);
    if (is_tick) catalog_.checkpoint();
  }
  report();
  return !work.is_stopping;
}

void StoreWorker::open_ledger() {
  if (std::chrono::steady_clock::now() < retry_ledger_at_) return;
  auto opened = LedgerWriter::open(
      files_, {.folder = options_.ledger_folder, .keep_days = options_.ledger_keep_days});
  auto order = survey_ledger(files_, options_.ledger_folder);
  if (!opened || !order) return on_ledger_error(!opened ? opened.error() : order.error());
  ledger_ = *std::move(opened);
  const LedgerTail& tail = ledger_->tail();
  first_sequence_ = order->empty() ? 0 : order->front().first_sequence;
  last_snapshot_day_ =
      tail.last_snapshot_day.empty() ? to_day(clock_.wall_now()) : tail.last_snapshot_day;
  Store::LastLife life;
  life.is_first_start = !tail.last_start.has_value();
  life.was_stopped_in_order = tail.was_stopped;
  if (tail.last_start) {
    life.boot_id = tail.last_start->boot_id;
    life.start = tail.last_start->start;
  }
  life.last_fact_at = tail.last_at;
  mailbox_.set_last_life(std::move(life));
  LT_LOG(logger_, kInfo, "ledger.opened", {"records_through", tail.last_sequence},
         {"last_life", tail.was_stopped ? "stopped" : "not_stopped"});
  trouble_.clear();
  open_catalog();
  append(std::exchange(early_, {}));
}

void StoreWorker::open_catalog() {
  const auto claimed = catalog_.open({first_sequence_, ledger_->durable_sequence()});
  // What the catalog has seen is not told twice under one number. A number beyond all reason is damage.
  constexpr std::uint64_t kPlausibleLead = 1ULL << 32U;
  if (claimed && ledger_->pending_count() == 0 &&
      *claimed < ledger_->last_sequence() + kPlausibleLead) {
    ledger_->skip_to(*claimed);
  }
}

void StoreWorker::append(std::vector<Fact> facts) {
  if (ledger_ == nullptr) {
    std::ranges::move(facts, std::back_inserter(early_));
    return;
  }
  const WallTime at = clock_.wall_now();
  for (Fact& fact : facts) {
    const std::uint64_t sequence = ledger_->append(fact, at);
    unapplied_.push_back({sequence, std::move(fact)});
  }
}

void StoreWorker::write_ledger(bool is_sync_wanted, bool is_tick) {
  const auto start = std::chrono::steady_clock::now();
  // After a failure once a second, and when somebody asks.
  if (start < retry_ledger_at_ && !is_sync_wanted && !is_tick) return;
  const bool is_sync = is_sync_wanted || is_tick;
  if (!is_sync) {
    const auto written = ledger_->write();
    if (!written) on_ledger_error(written.error());
    return;
  }
  if (ledger_->pending_count() == 0) return;
  const std::uint64_t before = ledger_->durable_sequence();
  const auto synced = ledger_->sync();
  records_.add(static_cast<double>(ledger_->durable_sequence() - before));
  if (!synced) return on_ledger_error(synced.error());
  sync_seconds_.observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  durable_ = taken_;
  if (trouble_.empty()) return;
  LT_LOG(logger_, kInfo, "ledger.recovered", {"records_through", ledger_->durable_sequence()});
  trouble_.clear();
  next_complaint_at_ = {};
}

void StoreWorker::on_ledger_error(const Error& error) {
  const auto now = std::chrono::steady_clock::now();
  retry_ledger_at_ = now + kRetryAfter;
  trouble_ = error.message();
  ledger_failures_.add();
  if (now < next_complaint_at_) return;
  next_complaint_at_ = now + kComplainEvery;
  LT_LOG(logger_, kError, "ledger.failed", {"error", error.message()},
         {"waiting_facts", early_.size() + unapplied_.size()},
         {"next", "facts wait in memory; tried again in 1 s, in a new file"});
}

/// Gives the catalog what is durable. One that is not current reads it in the ledger later.
void StoreWorker::follow_with_catalog() {
  if (catalog_.wants_open()) open_catalog();
  const std::uint64_t durable = ledger_->durable_sequence();
  catalog_.step(durable);
  const auto end = std::ranges::find_if(
      unapplied_, [&](const Unapplied& entry) { return entry.sequence > durable; });
  std::vector<CatalogWriter::Entry> entries;
  for (auto entry = unapplied_.begin(); entry != end; ++entry)
    entries.push_back({entry->sequence, &entry->fact});
  if (!entries.empty()) catalog_.apply(entries);
  unapplied_.erase(unapplied_.begin(), end);
  if (!catalog_.is_current()) return;
  applied_ = durable_;
  base::kill_point("catalog.applied");
  apply_purges();
  if (is_snapshot_unfinished_ && ledger_->pending_count() == 0) finish_snapshot();
}

/// Behind the facts that made the tombstones.
void StoreWorker::apply_purges() {
  if (!unapplied_.empty()) return;
  for (const auto& [recording, segments] : std::exchange(purges_, {}))
    catalog_.purge(recording, segments);
}

void StoreWorker::take_snapshot_if_due(bool is_requested) {
  const WallTime now = clock_.wall_now();
  const std::string today = to_day(now);
  if (today == last_snapshot_day_ && !is_requested) return;
  if (!catalog_.is_current() || !unapplied_.empty() || ledger_->pending_count() != 0) return;
  const Result<std::vector<Fact>> living = catalog_.living_facts();
  if (!living) return;  // the keeper has logged it, or the catalog is not there: at the next tick
  ledger_->append_snapshot(*living, now);
  last_snapshot_day_ = today;
  is_snapshot_unfinished_ = true;
  write_ledger(true, false);
  if (ledger_->pending_count() == 0) finish_snapshot();
}

/// The snapshot is durable: what it leaves out may go, here and in old files.
void StoreWorker::finish_snapshot() {
  is_snapshot_unfinished_ = false;
  base::kill_point("ledger.snapshot_written");
  const CatalogWriter::Entry end{ledger_->durable_sequence(), nullptr};
  catalog_.apply(std::span(&end, 1));
  catalog_.forget_dead();
  const Result<std::size_t> removed = ledger_->remove_old_files();
  if (!removed) {
    LT_LOG(logger_, kWarning, "ledger.cleanup_failed", {"error", removed.error().message()},
           {"next", "tried again with the next day's snapshot"});
    return;
  }
  LT_LOG(logger_, kInfo, "ledger.snapshot", {"records_through", ledger_->durable_sequence()},
         {"files_removed", *removed});
}

void StoreWorker::report() {
  mailbox_.set_ready(ledger_ != nullptr && catalog_.is_usable());
  mailbox_.report(durable_, applied_, trouble_.empty() ? catalog_.trouble() : trouble_);
}

}  // namespace longtake::store
