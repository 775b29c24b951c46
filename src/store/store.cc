#include "store/store.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/mutex.h"
#include "store/store_mailbox.h"
#include "store/store_worker.h"

namespace longtake::store {

namespace {

/// Opens the catalog anew when another file took its place, and tells the store when it meets damage.
class FollowingReader final : public CatalogReader {
 public:
  FollowingReader(std::string path, CatalogGate& gate) : path_(std::move(path)), gate_(gate) {}

  Result<std::vector<RecordingRow>> recordings() override {
    return ask([](CatalogReader& reader) { return reader.recordings(); });
  }
  Result<std::optional<RecordingRow>> recording(media::RecordingId id) override {
    return ask([&](CatalogReader& reader) { return reader.recording(id); });
  }
  Result<Coverage> coverage(media::RecordingId id, TimeRange within) override {
    return ask([&](CatalogReader& reader) { return reader.coverage(id, within); });
  }
  Result<std::vector<SegmentRow>> segments(media::RecordingId id, TimeRange within,
                                           std::size_t limit) override {
    return ask([&](CatalogReader& reader) { return reader.segments(id, within, limit); });
  }
  Result<std::optional<SegmentRow>> segment(media::RecordingId id,
                                            media::SegmentId segment) override {
    return ask([&](CatalogReader& reader) { return reader.segment(id, segment); });
  }
  Result<std::vector<SegmentRow>> oldest_closed(media::RecordingId id, std::size_t limit) override {
    return ask([&](CatalogReader& reader) { return reader.oldest_closed(id, limit); });
  }
  Result<std::vector<SegmentRow>> in_state(SegmentState state, std::size_t limit) override {
    return ask([&](CatalogReader& reader) { return reader.in_state(state, limit); });
  }
  Result<std::uint64_t> applied_sequence() override {
    return ask([](CatalogReader& reader) { return reader.applied_sequence(); });
  }

 private:
  template <class Question>
  auto ask(Question question) -> decltype(question(std::declval<CatalogReader&>())) {
    if (!gate_.is_usable)
      return fail(ErrorCode::kUnavailable, "the catalog is being opened or rebuilt; try again");
    const std::uint64_t generation = gate_.generation;
    if (reader_ == nullptr || generation != generation_) {
      reader_.reset();
      auto opened = CatalogReader::open(path_);
      if (!opened) return std::unexpected(judged(std::move(opened).error(), generation));
      reader_ = *std::move(opened);
      generation_ = generation;
    }
    auto answer = question(*reader_);
    if (!answer) return std::unexpected(judged(std::move(answer).error(), generation));
    return answer;
  }

  Error judged(Error error, std::uint64_t generation) {
    if (error.code() == ErrorCode::kDataLoss && gate_.generation == generation)
      gate_.is_suspect = true;
    return error;
  }

  std::string path_;
  CatalogGate& gate_;
  std::unique_ptr<CatalogReader> reader_;
  std::uint64_t generation_ = 0;
};

constexpr std::chrono::seconds kComplainEvery{10};

}  // namespace

struct Store::State {
  State(const Options& given, base::FileSystem& files, base::Clock& clock, base::Logger& log,
        base::Metrics& metrics)
      : options(given),
        logger(log),
        dropped(metrics.counter("longtake_ledger_facts_dropped_total",
                                "Facts dropped because the ledger could not be written for long.")),
        mailbox(given.queue_facts),
        worker(given, files, clock, log, metrics, mailbox, gate) {}

  Options options;
  base::Logger& logger;
  base::Counter& dropped;
  std::atomic<std::int64_t> next_complaint_ns{0};  // steady clock
  StoreMailbox mailbox;
  CatalogGate gate;
  StoreWorker worker;
  std::jthread thread;
};

Result<std::unique_ptr<Store>> Store::start(Options options, base::FileSystem& files,
                                            base::Clock& clock, base::Logger& logger,
                                            base::Metrics& metrics) {
  if (options.catalog_path.empty())
    return fail(ErrorCode::kInvalidArgument, "the store needs a path for its catalog");
  auto state = std::make_unique<State>(options, files, clock, logger, metrics);
  State& running = *state;
  state->thread = std::jthread([&running] { running.worker.run(); });
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}

Store::~Store() {
  state_->mailbox.stop();
  state_->thread.join();
}

void Store::append(Fact fact) {
  if (state_->mailbox.append(std::move(fact))) return;
  state_->dropped.add();
  const std::int64_t now =
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::int64_t next = state_->next_complaint_ns;
  const std::int64_t then = now + std::chrono::nanoseconds(kComplainEvery).count();
  if (now < next || !state_->next_complaint_ns.compare_exchange_strong(next, then)) return;
  LT_LOG(state_->logger, kError, "ledger.facts_dropped",
         {"waiting_facts", state_->options.queue_facts},
         {"next", "time they would have explained becomes ledger_lost; see ledger.failed"});
}

Result<void> Store::flush(nanoseconds limit) {
  return state_->mailbox.wait_for(StoreMailbox::Progress::kApplied, limit);
}

Result<void> Store::sync_ledger(nanoseconds limit) {
  return state_->mailbox.wait_for(StoreMailbox::Progress::kDurable, limit);
}

void Store::request_snapshot() { state_->mailbox.request_snapshot(); }

void Store::purge(media::RecordingId recording, std::vector<media::SegmentId> segments) {
  state_->mailbox.purge({recording, std::move(segments)});
}

bool Store::is_ready() const { return state_->mailbox.is_ready(); }

Result<void> Store::wait_until_ready(nanoseconds limit) {
  return state_->mailbox.wait_until_ready(limit);
}

Store::LastLife Store::last_life() const { return state_->mailbox.last_life(); }

Result<std::unique_ptr<CatalogReader>> Store::open_reader() {
  return std::unique_ptr<CatalogReader>(
      std::make_unique<FollowingReader>(state_->options.catalog_path, state_->gate));
}

}  // namespace longtake::store
