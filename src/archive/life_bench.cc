#include "archive/life_bench.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "archive/timeline_query.h"
#include "isobmff/reader.h"
#include "store/catalog_dump.h"
#include "store/catalog_rebuild.h"

namespace longtake::archive {
namespace {

constexpr nanoseconds kLimit = seconds(30);
constexpr nanoseconds kSlice = milliseconds(20);

std::string make_folder() {
  std::string pattern = testing::TempDir() + "longtake-archive-XXXXXX";
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  return pattern;
}

/// Media's part of a rebuild: what the files say of themselves.
store::MediaFacts media_facts(base::FileSystem& files) {
  return [&files](const store::FactTaker& take) -> Result<void> {
    LT_ASSIGN(const std::vector<RecordingFolder> recordings, list_recordings(files));
    for (const RecordingFolder& recording : recordings) {
      take(store::RecordingCreated{recording.id, recording.name, recording.created});
      LT_TRY(
          for_each_segment_file(files, recording, "", [&](const SegmentPath& path) -> Result<void> {
            LT_ASSIGN(const auto file, files.open(path.path, base::OpenMode::kRead));
            LT_ASSIGN(const std::uint64_t size, file->size());
            LT_ASSIGN(const isobmff::ReadIndex read, isobmff::read_index(*file));
            take(store::SegmentClosed{recording.id, path.id, path.day, size, read.index.spans(),
                                      read.source != isobmff::IndexSource::kSummary});
            return {};
          }));
    }
    return {};
  };
}

/// A process whose power is gone waits for nothing.
Result<void> while_there_is_power(const World& world,
                                  const std::function<Result<void>(nanoseconds)>& wait) {
  Result<void> done = fail(ErrorCode::kUnavailable, "no power");
  for (nanoseconds waited{0}; waited < kLimit && !world.is_dark; waited += kSlice) {
    done = wait(kSlice);
    if (done) break;
  }
  return done;
}

}  // namespace

World::World() : memory(1ULL << 40U), catalog_folder(make_folder()), armed(clock.wall_now()) {}

World::~World() {
  std::error_code ignored;  // a leftover in the temporary folder is no verdict
  std::filesystem::remove_all(catalog_folder, ignored);
}

void World::cut_power() {
  is_dark = true;
  memory.power_cut();
  files.set_script([](const base::FileCall&) {
    return base::Fault{Error(ErrorCode::kUnavailable, "no power"), {}, {}};
  });
}

void World::restore_power() {
  files.set_script({});
  memory.power_cut();
  is_dark = false;
  boot_id += "'";
}

// ---- A life ----

Life::Life(World& world)
    : world_(world),
      started_(world.clock.wall_now()),
      health_(world.clock, base::null_logger()),
      writer_metrics_(metrics_) {}

std::unique_ptr<Life> Life::begin(World& world) {
  std::unique_ptr<Life> life(new Life(world));
  auto volume = Volume::open(world.files, world.clock, world.random, world.boot_id);
  if (!volume) return nullptr;
  life->volume_ = std::move(*volume);
  auto found = life->volume_->find_or_create("front");
  if (!found) return nullptr;

  store::Store::Options options;
  options.catalog_path = world.catalog_path();
  auto store =
      store::Store::start(options, world.files, world.clock, base::null_logger(), life->metrics_);
  if (!store) return nullptr;
  life->store_ = std::move(*store);
  store::Store& ledger = *life->store_;
  ledger.append(store::ProcessStarted{life->volume_->start(), world.boot_id, life->started_});
  if (found->is_new) {
    ledger.append(
        store::RecordingCreated{found->folder.id, found->folder.name, found->folder.created});
  }
  ledger.append(store::Armed{found->folder.id, life->started_});

  life->space_ = std::make_unique<SpaceGuard>(world.files, life->health_);
  life->space_->set_policy({std::nullopt, 0, 0});
  life->disk_ = std::make_unique<DiskContext>(DiskContext{
      world.files, world.clock, base::null_logger(), life->health_, life->budget_,
      life->writer_metrics_, [&ledger](media::RecordingId recording, media::SegmentId id) {
        ledger.purge(recording, {id});
      }});
  Life& self = *life;
  life->writer_ = std::make_unique<VolumeWriter>(
      *life->disk_, *life->space_, [&self] { static_cast<void>(self.volume_->beat()); });
  life->committer_ = std::make_unique<Committer>(
      Committer::Options(), *life->disk_, *life->writer_,
      Committer::Hooks{[&ledger, &world] {
                         return while_there_is_power(
                             world, [&](nanoseconds limit) { return ledger.sync_ledger(limit); });
                       },
                       [] {}});
  life->facts_ = std::make_unique<RecordingFacts>(found->folder.id, ledger);
  life->recording_ =
      std::make_shared<RecordingWriter>(found->folder, *life->disk_, *life->facts_, [] {}, [] {});
  life->writer_->add(life->recording_);
  life->camera_ = std::make_unique<BenchCamera>(life->volume_->next_run(), life->started_);
  return life;
}

Life::~Life() = default;

void Life::submit_second() {
  if (!has_recorded_) {
    // A recorder's first word.
    facts_->append(store::GapClosed{recording_->folder().id, camera_->now()});
    has_recorded_ = true;
  }
  for (PendingFragment& fragment : camera_->next().fragments)
    recording_->submit(std::move(fragment));
  world_.clock.advance(seconds(1));
  writer_->pass();
}

void Life::remember_promise() {
  world_.promised = std::max(world_.promised, recording_->live().load()->durable_until);
}

void Life::record(int seconds_count) {
  for (int i = 0; i < seconds_count; ++i) {
    submit_second();
    committer_->commit();
    remember_promise();
  }
}

void Life::record_undurably(int seconds_count) {
  for (int i = 0; i < seconds_count; ++i) submit_second();
}

Result<Recovery::Report> Life::recover(int attempts) {
  Recovery recovery({world_.files, world_.clock, base::null_logger(), *volume_, *store_,
                     [this](const RecordingFolder& recording, WallTime from, media::Reason reason,
                            std::string detail) {
                       EXPECT_EQ(recording.id, recording_->folder().id);
                       facts_->explain_downtime(from, reason, std::move(detail));
                     },
                     world_.is_dark},
                    started_);
  auto report = recovery.run();
  while (!report && --attempts > 0) report = recovery.run();
  return report;
}

bool Life::stop() {
  facts_->append(
      store::GapOpened{recording_->folder().id, camera_->now(), media::Reason::kOperatorStop, ""});
  recording_->finish_segment();
  for (int i = 0; i < 30 && !recording_->is_settled(); ++i) {
    writer_->pass();
    committer_->commit();
    world_.clock.advance(seconds(1));
  }
  if (!recording_->is_settled()) return false;
  remember_promise();
  store_->append(store::ProcessStopped{volume_->start(), world_.clock.wall_now()});
  const Result<void> flushed =
      while_there_is_power(world_, [&](nanoseconds limit) { return store_->flush(limit); });
  return flushed && volume_->mark_all_settled().has_value();
}

std::unique_ptr<store::CatalogReader> Life::catalog() {
  EXPECT_TRUE(store_->flush(kLimit).has_value());
  auto reader = store_->open_reader();
  EXPECT_TRUE(reader.has_value());
  return std::move(*reader);
}

media::TimelineAnswer Life::timeline() {
  const LiveRecordingPtr live = recording_->live().load();
  const auto reader = catalog();
  const TimeRange within{world_.armed, world_.clock.wall_now() + seconds(1)};
  auto coverage = reader->coverage(recording_->folder().id, within);
  EXPECT_TRUE(coverage.has_value());
  return make_timeline(std::move(*coverage), *live, within, std::nullopt, std::nullopt,
                       world_.clock.wall_now());
}

// ---- What must hold ----

namespace {

void expect_rows_are_files(World& world, const std::vector<store::SegmentRow>& rows,
                           const RecordingFolder& folder, const LiveRecording& live) {
  std::vector<std::string> paths;
  const auto walked =
      for_each_segment_file(world.memory, folder, "", [&](const SegmentPath& file) -> Result<void> {
        paths.push_back(file.path);
        return {};
      });
  ASSERT_TRUE(walked.has_value());
  std::vector<std::string> listed;
  media::TimeRanges all;
  for (const store::SegmentRow& row : rows) {
    const std::string path = segment_path(folder.path, row.day, row.id);
    listed.push_back(path);
    const auto file = world.memory.open(path, base::OpenMode::kRead);
    ASSERT_TRUE(file.has_value()) << path;
    const auto walk = isobmff::walk(**file, isobmff::Check::kAll);
    ASSERT_TRUE(walk.has_value()) << path;
    for (const TimeRange& span : walk->index.spans()) {
      EXPECT_TRUE(all.intersect(span).empty()) << path << " holds time that another file holds";
    }
    for (const TimeRange& span : walk->index.spans()) all.add(span);
    if (row.state == store::SegmentState::kOpen) {
      EXPECT_NE(find_live(live, row.id), nullptr) << path << " is open and nobody writes it";
      continue;
    }
    EXPECT_EQ(*(*file)->size(), row.size_bytes) << path;
    EXPECT_EQ(walk->index.spans(), row.spans) << path;
    EXPECT_TRUE(walk->stop == isobmff::Stop::kEnd || walk->stop == isobmff::Stop::kClosing)
        << path << ": " << isobmff::to_string(walk->stop);
  }
  std::ranges::sort(paths);
  std::ranges::sort(listed);
  EXPECT_EQ(paths, listed);
}

void expect_catalog_is_rebuilt_equal(World& world) {
  const std::string anew = world.catalog_folder + "/anew.db";
  store::RebuildOptions options;
  options.media_facts = media_facts(world.memory);
  const auto built = store::build_catalog(world.memory, anew, options);
  ASSERT_TRUE(built.has_value()) << built.error().message();
  const auto differences = store::compare_catalogs(world.catalog_path(), anew, 10);
  ASSERT_TRUE(differences.has_value()) << differences.error().message();
  for (const store::CatalogDifference& difference : *differences) {
    ADD_FAILURE() << (difference.is_in_first ? "only live:    " : "only rebuilt: ")
                  << difference.line;
  }
}

}  // namespace

void expect_all_well(World& world, Life& life, const std::string& after) {
  SCOPED_TRACE(after);
  const auto catalog = life.catalog();
  const RecordingFolder folder = life.folder();
  const auto rows = catalog->segments(folder.id, {WallTime{}, WallTime::max()}, 1000);
  ASSERT_TRUE(rows.has_value());
  const media::TimelineAnswer answer = life.timeline();
  expect_rows_are_files(world, *rows, folder, LiveRecording());

  media::TimeRanges recorded;
  for (const TimeRange& span : answer.spans) recorded.add(span);
  // A power cut may have taken the ledger's first word; then nothing before the next life was asked for.
  const auto coverage = catalog->coverage(folder.id, {world.armed, WallTime::max()});
  ASSERT_TRUE(coverage.has_value());
  ASSERT_FALSE(coverage->armed.ranges().empty());
  const WallTime armed = coverage->armed.ranges().front().start;
  WallTime decided = armed;
  for (const TimeRange& span : answer.spans) decided = std::max(decided, span.end);
  media::TimeRanges explained = recorded;
  for (const media::Gap& gap : answer.gaps) {
    EXPECT_NE(gap.reason, media::Reason::kLedgerLost)
        << longtake::to_string(gap.range.start) << " to " << longtake::to_string(gap.range.end);
    explained.add(gap.range);
  }
  EXPECT_TRUE(explained.holes({armed, decided}).empty());
  expect_catalog_is_rebuilt_equal(world);
}

}  // namespace longtake::archive
