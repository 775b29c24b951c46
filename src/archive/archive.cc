#include "archive/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "archive/answers.h"
#include "archive/committer.h"
#include "archive/media_facts.h"
#include "archive/reaper.h"
#include "archive/recovery.h"
#include "archive/roster.h"
#include "archive/trusted_time.h"
#include "archive/volume.h"
#include "archive/volume_writer.h"
#include "archive/way_back.h"
#include "base/kill_point.h"
#include "base/mutex.h"
#include "store/store.h"

namespace longtake::archive {
namespace {

/// How long an orderly stop may take until everything is on the disk (HOST-02).
constexpr nanoseconds kCloseLimit = seconds(5);
constexpr nanoseconds kLedgerSyncLimit = seconds(5);
constexpr std::size_t kSyncsAtOnce = 8;
constexpr nanoseconds kIdentityInterval = seconds(2);
constexpr nanoseconds kListingLimit = milliseconds(50);

bool is_name(const std::string& name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, is_good);
}

class VolumeArchive final : public Archive {
 public:
  VolumeArchive(const Options& options, const Environment& environment);
  ~VolumeArchive() override;
  Result<void> open();

  Result<std::unique_ptr<RecordingHandle>> start_recording(const RecordingConfig& config,
                                                           base::Executor& shard) override;
  void set_policy(const RecordingConfig& config) override;
  void set_volume_policy(const VolumePolicy& policy) override;
  void disarm(const std::string& name) override;

  [[nodiscard]] bool is_ready() const override { return is_recovered_.load(); }
  Result<std::vector<RecordingStatus>> recordings() override { return answers_->recordings(); }
  Result<RecordingStatus> recording(const std::string& name) override {
    return answers_->recording(name);
  }
  Result<media::TimelineAnswer> timeline(const std::string& name, TimeRange within) override {
    return answers_->timeline(name, within);
  }
  Result<std::vector<SegmentInfo>> segments(const std::string& name, TimeRange within,
                                            std::size_t limit) override {
    return answers_->segments(name, within, limit);
  }
  Result<SegmentFile> open_segment(const std::string& name, media::SegmentId id) override {
    return answers_->open_segment(name, id);
  }
  Result<SegmentIndexPtr> segment_index(const std::string& name, media::SegmentId id) override {
    return answers_->segment_index(name, id);
  }
  Result<void> close() override;

 private:
  class Handle;

  Result<void> start_store();
  void make_disk();
  void make_reaper();
  void start_threads();
  void recover();
  void beat();
  void after_commit();
  void guard_identity();
  void forget_listed();
  bool is_listed(media::RecordingId recording, media::SegmentId segment);
  void explain(const RecordingFolder& folder, WallTime from, media::Reason reason,
               std::string detail);
  [[nodiscard]] std::uint64_t live_bytes(media::RecordingId id);
  bool settle_all();

  const Options options_;
  const Environment environment_;
  const WallTime started_;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ReaderPool> readers_;

  VolumeHealth health_;
  RingBudget budget_;
  WriterMetrics metrics_;
  SpaceGuard space_;
  std::unique_ptr<DiskContext> disk_;
  std::unique_ptr<VolumeWriter> writer_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<TrustedTime> trusted_time_;
  std::unique_ptr<Reaper> reaper_;
  std::optional<MonotonicTime> identity_checked_;  // the committer's
  std::thread recovery_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_recovered_{false};
  bool is_closed_ = false;
  // Last, so that writers go before what they borrow.
  std::unique_ptr<Roster> roster_;
  std::unique_ptr<Answers> answers_;
};

// ---- A recording's handle ----

class VolumeArchive::Handle final : public RecordingHandle {
 public:
  Handle(std::shared_ptr<KnownRecording> recording, std::unique_ptr<Recorder> recorder,
         base::Executor& shard)
      : recording_(std::move(recording)),
        recorder_(std::move(recorder)),
        way_back_(std::make_shared<WayBack>(shard)) {
    recording_->set_recorder(*recorder_);
  }
  ~Handle() override {
    way_back_->close();
    finish(media::Reason::kOperatorStop);
    recording_->release();
  }

  media::ItemSink& sink() override { return *recorder_; }
  void stop(media::Reason reason, base::Task done) override {
    finish(reason);
    recording_->writer()->on_settled(
        [back = way_back_, task = std::move(done)]() mutable { back->post(std::move(task)); });
  }

 private:
  void finish(media::Reason reason) {
    if (!std::exchange(is_finished_, true)) recorder_->finish(reason);
  }

  std::shared_ptr<KnownRecording> recording_;
  std::unique_ptr<Recorder> recorder_;
  std::shared_ptr<WayBack> way_back_;
  bool is_finished_ = false;
};

// ---- Opening ----

VolumeArchive::VolumeArchive(const Options& options, const Environment& environment)
    : options_(options),
      environment_(environment),
      started_(environment.clock.wall_now()),
      health_(environment.clock, environment.logger),
      budget_(options.ring_budget_bytes != 0 ? options.ring_budget_bytes
                                             : default_ring_budget_bytes()),
      metrics_(environment.metrics),
      space_(environment.files, health_) {
  space_.set_policy(options.policy);
}

Result<void> VolumeArchive::open() {
  LT_ASSIGN(volume_, Volume::open(environment_.files, environment_.clock, environment_.random,
                                  options_.boot_id.empty() ? read_boot_id() : options_.boot_id));
  LT_TRY(start_store());
  make_disk();
  make_reaper();
  start_threads();
  LT_LOG(environment_.logger, kInfo, "archive.opened", {"folder", environment_.files.root()},
         {"start", volume_->start()}, {"recordings", volume_->recordings().size()});
  return {};
}

Result<void> VolumeArchive::start_store() {
  store::Store::Options options;
  options.ledger_folder = kLedgerFolder;
  options.catalog_path = options_.catalog_path.empty()
                             ? base::join_path(environment_.files.root(), "catalog.db")
                             : options_.catalog_path;
  // Only files and names are asked, both of which outlive the store.
  options.media_facts = [&files = environment_.files](const store::FactTaker& take) {
    return tell_media_facts(files, take);
  };
  LT_ASSIGN(store_, store::Store::start(std::move(options), environment_.files, environment_.clock,
                                        environment_.logger, environment_.metrics));
  readers_ = std::make_unique<ReaderPool>(*store_);
  roster_ = std::make_unique<Roster>(*volume_, *store_);
  answers_ = std::make_unique<Answers>(Answers::Environment{
      *volume_, *roster_, *store_, *readers_, health_, environment_.files, environment_.clock});
  store_->append(store::ProcessStarted{volume_->start(), volume_->boot_id(), started_});
  return {};
}

void VolumeArchive::make_disk() {
  const auto purge = [this](media::RecordingId recording, media::SegmentId segment) {
    store_->purge(recording, {segment});
  };
  disk_ = std::make_unique<DiskContext>(DiskContext{environment_.files, environment_.clock,
                                                    environment_.logger, health_, budget_, metrics_,
                                                    purge});
  writer_ = std::make_unique<VolumeWriter>(*disk_, space_, [this] { beat(); });
  const Committer::Options options{options_.commit_interval, options_.owns_mount, kSyncsAtOnce};
  committer_ = std::make_unique<Committer>(
      options, *disk_, *writer_,
      Committer::Hooks{[this] { return store_->sync_ledger(kLedgerSyncLimit); },
                       [this] { after_commit(); }});
}

void VolumeArchive::make_reaper() {
  trusted_time_ = std::make_unique<TrustedTime>(environment_.files, environment_.clock,
                                                environment_.logger, volume_->boot_id());
  Reaper::Environment reaper{environment_.files,
                             environment_.clock,
                             environment_.logger,
                             environment_.metrics,
                             *trusted_time_,
                             *store_,
                             {},
                             {},
                             {},
                             {},
                             {},
                             {},
                             {}};
  reaper.sync_ledger = [this] { return store_->sync_ledger(kLedgerSyncLimit); };
  reaper.flush_catalog = [this] { return store_->flush(kLedgerSyncLimit); };
  reaper.purge = [this](media::RecordingId recording, std::vector<media::SegmentId> segments) {
    store_->purge(recording, std::move(segments));
  };
  reaper.open_reader = [this] { return store_->open_reader(); };
  reaper.recordings = [this] { return volume_->recordings(); };
  reaper.is_ready = [this] { return is_ready(); };
  reaper.live_bytes = [this](media::RecordingId id) { return live_bytes(id); };
  reaper_ = std::make_unique<Reaper>(std::move(reaper));
  reaper_->set_volume_policy(options_.policy);
  space_.set_retention([this] {
    const bool can_make_room = reaper_->can_make_room();
    if (can_make_room) reaper_->wake();
    return can_make_room;
  });
}

void VolumeArchive::start_threads() {
  writer_->start();
  committer_->start();
  reaper_->start();
  recovery_ = std::thread([this] { recover(); });
}

void VolumeArchive::recover() {
  Recovery recovery(
      {environment_.files, environment_.clock, environment_.logger, *volume_, *store_,
       [this](const RecordingFolder& folder, WallTime from, media::Reason reason,
              std::string detail) { explain(folder, from, reason, std::move(detail)); },
       is_stopping_},
      started_);
  while (!is_stopping_) {
    const auto report = recovery.run();
    if (report) {
      is_recovered_ = true;
      return;
    }
    if (report.error().code() == ErrorCode::kCancelled) return;
    LT_LOG(environment_.logger, kError, "recovery.failed", {"error", report.error().message()},
           {"next", "recording goes on; recovery is tried again in 5 s"});
    for (int tenth = 0; tenth < 50 && !is_stopping_; ++tenth) {
      std::this_thread::sleep_for(milliseconds(100));
    }
  }
}

void VolumeArchive::explain(const RecordingFolder& folder, WallTime from, media::Reason reason,
                            std::string detail) {
  roster_->entry_of(folder)->facts.explain_downtime(from, reason, std::move(detail));
}

// ---- What the threads do beside their work ----

void VolumeArchive::beat() {
  // It only bounds a downtime, so a failure is no news: the next write of media tells what is wrong.
  static_cast<void>(volume_->beat());
}

void VolumeArchive::after_commit() {
  guard_identity();
  if (const auto renewed = volume_->renew_runs(); !renewed) {
    LT_LOG(environment_.logger, kWarning, "volume.renew_failed",
           {"error", renewed.error().message()});
  }
  forget_listed();
}

void VolumeArchive::guard_identity() {
  const MonotonicTime now = environment_.clock.now();
  if (identity_checked_ && now - *identity_checked_ < kIdentityInterval) return;
  identity_checked_ = now;
  const Result<void> same = volume_->check_identity();
  if (same) {
    health_.on_found();
    return;
  }
  const ErrorCode code = same.error().code();
  const bool is_gone = code == ErrorCode::kFailedPrecondition || code == ErrorCode::kNotFound;
  // A disk that does not answer is not another disk: writing says so by itself.
  if (is_gone) {
    health_.on_missing(same.error());
    writer_->wake();
  }
}

void VolumeArchive::forget_listed() {
  if (!store_->is_ready()) return;
  struct Closed {
    std::shared_ptr<RecordingWriter> writer;
    std::vector<media::SegmentId> segments;
  };
  struct Told {
    std::shared_ptr<KnownRecording> recording;
    std::uint64_t gaps = 0;
  };
  std::vector<Closed> closed;
  for (auto& writer : writer_->recordings()) {
    auto segments = writer->closed_segments();
    if (!segments.empty()) closed.push_back({std::move(writer), std::move(segments)});
  }
  std::vector<Told> told;
  for (auto& recording : roster_->all()) {
    const std::uint64_t gaps = recording->facts.told();
    if (!recording->facts.recent().reasons.empty()) told.push_back({std::move(recording), gaps});
  }
  if (closed.empty() && told.empty()) return;
  // All their facts came before; what is applied now is listed from now on (invariant A10).
  const bool is_all_applied = store_->flush(kListingLimit).has_value();
  for (const Closed& one : closed) {
    for (const media::SegmentId& segment : one.segments) {
      if (is_all_applied || is_listed(one.writer->folder().id, segment))
        one.writer->forget(segment);
    }
  }
  if (!is_all_applied) return;
  for (const Told& one : told) one.recording->facts.applied(one.gaps);
}

/// On a disk whose syncs take longer than anybody should wait here, the catalog is asked for each.
bool VolumeArchive::is_listed(media::RecordingId recording, media::SegmentId segment) {
  auto reader = readers_->take();
  if (!reader) return false;
  const auto row = (*reader)->segment(recording, segment);
  return row && *row && (*row)->state != store::SegmentState::kOpen;
}

// ---- Recordings come and go ----

Result<std::unique_ptr<RecordingHandle>> VolumeArchive::start_recording(
    const RecordingConfig& config, base::Executor& shard) {
  if (!is_name(config.name)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("recording \"{}\": a name is 1 to 64 letters, digits and hyphens",
                            config.name));
  }
  auto found = volume_->find_or_create(config.name, {config.keep, config.max_size_bytes});
  if (!found) return std::unexpected(std::move(found).error().in("recording " + config.name));
  // Also when it is not new: a crash may have come between its folder and this fact, which says the same twice unharmed.
  store_->append(
      store::RecordingCreated{found->folder.id, found->folder.name, found->folder.created});
  const std::shared_ptr<KnownRecording> recording = roster_->entry_of(found->folder);
  const auto claim = recording->claim([&] {
    auto writer = std::make_shared<RecordingWriter>(
        recording->folder(), *disk_, recording->facts, [this] { writer_->wake(); },
        [this] { committer_->request(); });
    writer_->add(writer);
    return writer;
  });
  if (!claim) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("recording \"{}\" has a writer already", config.name));
  }
  RecordingIdentity identity;
  identity.id = found->folder.id;
  identity.name = found->folder.name;
  identity.is_armed = claim->was_armed && !found->is_new;
  if (const auto& alive = volume_->last_alive()) identity.last_known_wall = alive->wall;
  if (identity.is_armed) {
    // It may have been disarmed when the last life ended; if not, this changes nothing. A clock that starts in 1970 does
    // not ask for half a century.
    const WallTime now = environment_.clock.wall_now();
    store_->append(
        store::Armed{identity.id, std::max(now, identity.last_known_wall.value_or(now))});
  }
  set_policy(config);
  auto recorder = std::make_unique<Recorder>(
      identity, config, *claim->writer, recording->facts, [this] { return volume_->next_run(); },
      shard, environment_.logger, environment_.metrics);
  return std::make_unique<Handle>(recording, std::move(recorder), shard);
}

void VolumeArchive::set_policy(const RecordingConfig& config) {
  reaper_->set_policy(config);
  const auto kept = volume_->remember_policy(config.name, {config.keep, config.max_size_bytes});
  if (kept || kept.error().code() == ErrorCode::kNotFound) return;  // comes with its first start
  LT_LOG(environment_.logger, kWarning, "recording.policy_not_kept", {"recording", config.name},
         {"error", kept.error().message()},
         {"next", "it holds while the camera is configured; set again at the next start"});
}

void VolumeArchive::set_volume_policy(const VolumePolicy& policy) {
  space_.set_policy(policy);
  reaper_->set_volume_policy(policy);
}

void VolumeArchive::disarm(const std::string& name) {
  const auto recording = roster_->find(name);
  if (recording == nullptr) return;
  recording->disarm();
  recording->facts.append(store::Disarmed{recording->folder().id, environment_.clock.wall_now()});
  // Nobody configures it any more; what was recorded is kept as long as was last said, and no longer. Only here: a
  // configured camera's old policy must not come before its new one.
  if (const auto folder = volume_->find(name)) {
    RecordingConfig last;
    last.name = name;
    last.keep = folder->policy.keep;
    last.max_size_bytes = folder->policy.max_size_bytes;
    reaper_->set_policy(last);
  }
}

std::uint64_t VolumeArchive::live_bytes(media::RecordingId id) {
  std::uint64_t bytes = 0;
  for (const auto& writer : writer_->recordings()) {
    if (writer->folder().id != id) continue;
    for (const LiveSegment& segment : writer->live().load()->segments) {
      if (!segment.is_closed) bytes += segment.index->end_bytes();
    }
  }
  return bytes;
}

// ---- Closing ----

bool VolumeArchive::settle_all() {
  struct Unsettled {
    base::Mutex mutex;
    base::Condition changed;
    std::size_t count LT_GUARDED_BY(mutex) = 0;
  };
  // Shared: who settles after the limit tells it all the same.
  const auto unsettled = std::make_shared<Unsettled>();
  const auto all = writer_->recordings();
  {
    const base::MutexLock lock(unsettled->mutex);
    unsettled->count = all.size();
  }
  for (const auto& writer : all) {
    writer->finish_segment();
    writer->on_settled([unsettled] {
      const base::MutexLock settled(unsettled->mutex);
      --unsettled->count;
      unsettled->changed.wake_all();
    });
  }
  const MonotonicTime deadline = environment_.clock.now() + kCloseLimit;
  const base::MutexLock lock(unsettled->mutex);
  while (unsettled->count > 0) {
    const nanoseconds left = deadline - environment_.clock.now();
    if (left <= nanoseconds(0)) return false;
    unsettled->changed.wait_for(unsettled->mutex, left);
  }
  return true;
}

Result<void> VolumeArchive::close() {
  if (std::exchange(is_closed_, true)) return {};
  if (!recovery_.joinable()) return {};  // never opened
  is_stopping_ = true;
  reaper_->stop();
  const bool is_settled = settle_all();
  writer_->stop();
  committer_->stop();
  recovery_.join();
  for (const auto& writer : writer_->recordings()) writer->tell_all();
  if (!is_settled) {
    static_cast<void>(store_->flush(kCloseLimit));
    return fail(ErrorCode::kDeadlineExceeded,
                "not everything could be written and closed; the next start recovers it");
  }
  store_->append(store::ProcessStopped{volume_->start(), environment_.clock.wall_now()});
  LT_TRY(store_->flush(kCloseLimit));
  // Only a complete recovery has nothing older to look for.
  if (is_recovered_) LT_TRY(volume_->mark_all_settled());
  base::kill_point("archive.closed");
  return {};
}

VolumeArchive::~VolumeArchive() {
  if (const Result<void> closed = close(); !closed) {
    LT_LOG(environment_.logger, kError, "archive.close_failed",
           {"error", closed.error().message()});
  }
}

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(const Options& options,
                                               const Environment& environment) {
  auto archive = std::make_unique<VolumeArchive>(options, environment);
  LT_TRY(archive->open());
  return archive;
}

}  // namespace longtake::archive
