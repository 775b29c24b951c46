#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/memory_file_system.h"
#include "base/test_folder.h"
#include "media/coverage.h"
#include "store/catalog.h"
#include "store/catalog_rebuild.h"
#include "store/ledger_writer.h"
#include "store/test_support.h"

// catalog = f(media, ledger): the catalog that lived through everything, the one rebuilt from what is left, and a model
// that knows nothing of tables say the same.
namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words

constexpr int kSeconds = 400;  // times lie in [0, kSeconds)
constexpr media::RecordingId kRecordings[] = {kFront, kBack};

/// What a file on disk says of itself.
struct MediaFile {
  Fact fact;  // SegmentOpened or SegmentClosed, times as recorded
};
using SegmentKey = std::pair<media::RecordingId, media::SegmentId>;

/// The world as facts tell it, second by second, without rows, merging or order tricks.
class Model {
 public:
  void tell(const Fact& fact) {
    std::visit([&](const auto& kind) { on(kind); }, fact);
  }
  /// One letter a second and recording: recorded or not, asked for or not, and the reason that holds.
  struct Moment {
    bool is_recorded = false;
    bool is_armed = false;
    int reason = 0;
    friend bool operator==(const Moment&, const Moment&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Moment& moment) {
      return out << moment.is_recorded << moment.is_armed << '/' << moment.reason;
    }
  };
  [[nodiscard]] std::vector<Moment> moments(media::RecordingId recording) const;
  [[nodiscard]] bool is_deleted(SegmentKey key) const { return deleted_.contains(key); }

 private:
  struct Stretch {
    TimeRange range;
    int reason = 0;
  };
  struct Life {
    std::vector<TimeRange> armed;  // the last one may be open: end = max
    std::vector<Stretch> reasons;  // in ledger order; an open gap ends at max
    std::size_t open_gap = SIZE_MAX;
  };

  template <class F>
  void on(const F&) {}
  void on(const Armed& fact) {
    auto& armed = lives_[fact.recording].armed;
    if (armed.empty() || armed.back().end != WallTime::max())
      armed.push_back({fact.at, WallTime::max()});
  }
  void on(const Disarmed& fact) {
    auto& armed = lives_[fact.recording].armed;
    if (!armed.empty() && armed.back().end == WallTime::max()) armed.back().end = fact.at;
  }
  void on(const RunRedated& fact) { redates_[{fact.recording, fact.run}] += fact.by; }
  void on(const SegmentClosed& fact) { closed_[{fact.recording, fact.segment}] = fact.spans; }
  void on(const SegmentDeleted& fact) {
    deleted_.insert({fact.recording, fact.segment});
    for (const TimeRange& span : fact.spans) note(fact.recording, span, fact.reason);
  }
  void on(const GapOpened& fact) {
    close_gap(fact.recording, fact.from);
    Life& life = lives_[fact.recording];
    life.open_gap = life.reasons.size();
    life.reasons.push_back({{fact.from, WallTime::max()}, static_cast<int>(fact.reason)});
  }
  void on(const GapClosed& fact) { close_gap(fact.recording, fact.to); }
  void on(const GapNoted& fact) { note(fact.recording, fact.range, fact.reason); }

  void note(media::RecordingId recording, TimeRange range, media::Reason reason) {
    lives_[recording].reasons.push_back({range, static_cast<int>(reason)});
  }
  void close_gap(media::RecordingId recording, WallTime to) {
    Life& life = lives_[recording];
    if (life.open_gap == SIZE_MAX) return;
    life.reasons[life.open_gap].range.end = to;
    life.open_gap = SIZE_MAX;
  }

  std::map<media::RecordingId, Life> lives_;
  std::map<std::pair<media::RecordingId, media::RunId>, microseconds> redates_;
  std::map<SegmentKey, std::vector<TimeRange>> closed_;
  std::set<SegmentKey> deleted_;
};

bool holds(TimeRange range, WallTime time) { return range.start <= time && time < range.end; }

std::vector<Model::Moment> Model::moments(media::RecordingId recording) const {
  std::vector<Moment> moments;
  const auto life = lives_.find(recording);
  for (int second = -kSeconds; second < 2 * kSeconds; ++second) {
    Moment moment;
    for (const auto& [key, spans] : closed_) {
      if (key.first != recording || deleted_.contains(key)) continue;
      const auto redate = redates_.find({recording, key.second.run});
      const microseconds by = redate == redates_.end() ? microseconds(0) : redate->second;
      for (const TimeRange& span : spans)
        moment.is_recorded = moment.is_recorded || holds(span, at(second) - by);
    }
    if (life != lives_.end()) {
      for (const TimeRange& range : life->second.armed)
        moment.is_armed = moment.is_armed || holds(range, at(second));
      for (const Stretch& stretch : life->second.reasons)
        if (holds(stretch.range, at(second))) moment.reason = stretch.reason;
    }
    moments.push_back(moment);
  }
  return moments;
}

std::vector<Model::Moment> moments_of(CatalogReader& reader, media::RecordingId recording) {
  const Coverage coverage = value_of(reader.coverage(recording, range(-kSeconds, 2 * kSeconds)));
  std::vector<Model::Moment> moments;
  for (int second = -kSeconds; second < 2 * kSeconds; ++second) {
    const TimeRange moment_range = range(second, second + 1);
    Model::Moment moment;
    moment.is_recorded = !coverage.recorded.intersect(moment_range).empty();
    moment.is_armed = !coverage.armed.intersect(moment_range).empty();
    for (const media::ReasonSpan& span : coverage.reasons)
      if (holds(span.range, at(second))) moment.reason = static_cast<int>(span.reason);
    moments.push_back(moment);
  }
  return moments;
}

rc::Gen<int> any_second() { return rc::gen::inRange(0, kSeconds); }
rc::Gen<media::Reason> any_reason() {
  return rc::gen::element(media::Reason::kCameraDisconnected, media::Reason::kCrash,
                          media::Reason::kRetention, media::Reason::kDiskFull);
}
TimeRange any_range() {
  const int start = *any_second();
  return range(start, start + *rc::gen::inRange(1, 60));
}
std::vector<TimeRange> any_spans() {
  media::TimeRanges spans;
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) spans.add(any_range());
  return spans.ranges();
}

/// One world, lived live: the ledger in memory, the catalog on disk, the files that exist.
class World {
 public:
  World() { tell(RecordingCreated{kFront, "front", at(0)}); }

  void live(int steps) {
    for (int step = 0; step < steps; ++step) live_one_step();
  }
  /// Everything the files say, in an order of its own.
  [[nodiscard]] MediaFacts media_in_any_order() {
    std::vector<Fact> facts{RecordingCreated{kFront, "front", at(0)}};
    for (const auto& [key, file] : files_) facts.push_back(file.fact);
    for (std::size_t i = facts.size(); i > 1; --i)
      std::swap(facts[i - 1], facts[*rc::gen::inRange<std::size_t>(0, i)]);
    return [facts](const FactTaker& take) -> Result<void> {
      for (const Fact& fact : facts)
        if (!take(fact)) break;
      return {};
    };
  }

  base::TestFolder folder;
  const std::string path = folder.path() + "/catalog.db";
  base::MemoryFileSystem ledger_files;
  Model model;

 private:
  void tell(Fact fact) {
    const std::uint64_t sequence = ledger_->append(fact, day_);
    value_of(ledger_->sync());
    const CatalogWriter::Entry entry{sequence, &fact};
    value_of(catalog_->apply(std::span(&entry, 1)));
    model.tell(fact);
  }
  void live_one_step();
  void open_or_close(media::RecordingId recording);
  void close(SegmentKey key);
  void delete_one();
  void snapshot();

  std::unique_ptr<LedgerWriter> ledger_ =
      value_of(LedgerWriter::open(ledger_files, {.keep_days = 1}));
  std::unique_ptr<CatalogWriter> catalog_ = value_of(CatalogWriter::open(path));
  std::map<SegmentKey, MediaFile> files_;
  std::vector<SegmentKey> tombstones_;
  WallTime day_ = at(0);
};

void World::open_or_close(media::RecordingId recording) {
  const auto run = *rc::gen::inRange<std::uint64_t>(1, 5) | 1ULL << 24U;
  const media::SegmentId id{{run}, *rc::gen::inRange<std::uint32_t>(1, 8)};
  const SegmentKey key{recording, id};
  if (model.is_deleted(key)) return;  // numbers never repeat
  const auto file = files_.find(key);
  if (file == files_.end()) {
    const SegmentOpened opened{recording, id, "20260131", at(*any_second())};
    tell(opened);
    files_[key] = {opened};
    if (*rc::gen::arbitrary<bool>()) close(key);
  } else if (std::holds_alternative<SegmentOpened>(file->second.fact)) {
    close(key);
  }
}

void World::close(SegmentKey key) {
  SegmentClosed fact = closed(key.first, key.second, any_spans());
  fact.is_recovered = *rc::gen::arbitrary<bool>();
  tell(fact);
  files_[key].fact = fact;
}

void World::delete_one() {
  if (files_.empty()) return;
  auto file = files_.begin();
  std::advance(file, *rc::gen::inRange<std::size_t>(0, files_.size()));
  const SegmentKey key = file->first;
  const auto row = value_of(value_of(CatalogReader::open(path))->segment(key.first, key.second));
  if (!row || row->state == SegmentState::kDeleted) return;
  tell(SegmentDeleted{key.first, key.second, *any_reason(), row->spans});
  if (*rc::gen::arbitrary<bool>()) return;  // the tombstone stays: a crash before the unlink
  files_.erase(file);
  value_of(catalog_->purge(key.first, std::span(&key.second, 1)));
}

void World::snapshot() {
  day_ += std::chrono::hours(24);
  const auto living = value_of(catalog_->living_facts());
  ledger_->append_snapshot(living, day_);
  value_of(ledger_->sync());
  const CatalogWriter::Entry end{ledger_->durable_sequence(), nullptr};
  value_of(catalog_->apply(std::span(&end, 1)));
  value_of(catalog_->forget_dead());
  value_of(ledger_->remove_old_files());
}

void World::live_one_step() {
  const media::RecordingId recording = *rc::gen::element(kFront, kBack);
  switch (*rc::gen::inRange(0, 18)) {
    case 0:
      return tell(Armed{recording, at(*any_second())});
    case 1:
      return tell(Disarmed{recording, at(*any_second())});
    case 2:
      return tell(RunRedated{recording,
                             {*rc::gen::inRange<std::uint64_t>(1, 5) | 1ULL << 24U},
                             seconds(*rc::gen::inRange(-50, 50))});
    case 3:
      return tell(GapOpened{recording, at(*any_second()), *any_reason(), "detail"});
    case 4:
      return tell(GapClosed{recording, at(*any_second())});
    case 5:
    case 6:
      return tell(GapNoted{recording, any_range(), *any_reason(), ""});
    case 7:
      return tell(DegradedNoted{recording, any_range(), media::Reason::kPacketLoss, 2});
    case 8:
      return tell(ProcessStarted{1, "boot", at(*any_second())});
    case 9:
    case 11:
      return delete_one();
    case 10:
      return snapshot();
    default:
      return open_or_close(recording);
  }
}

RC_GTEST_PROP(CatalogProperty, LiveRebuiltAndModelAreEqual, ()) {
  World world;
  world.live(*rc::gen::inRange(1, 150));
  const std::string rebuilt = world.folder.path() + "/rebuilt.db";
  value_of(
      rebuild_catalog(world.ledger_files, rebuilt, {.media_facts = world.media_in_any_order()}));
  RC_ASSERT(dump_lines(rebuilt) == dump_lines(world.path));
  RC_ASSERT(value_of(compare_catalogs(rebuilt, world.path, 10)).empty());
  const auto reader = value_of(CatalogReader::open(world.path));
  for (const media::RecordingId recording : kRecordings)
    RC_ASSERT(moments_of(*reader, recording) == world.model.moments(recording));
}

}  // namespace
}  // namespace longtake::store
