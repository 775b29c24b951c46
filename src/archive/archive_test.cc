#include "archive/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <semaphore>
#include <thread>

#include "archive/disk_bench.h"
#include "base/faulty_file_system.h"
#include "base/manual_executor.h"
#include "isobmff/verify.h"

// The whole archive with its threads, on a real disk, in virtual time.
namespace longtake::archive {
namespace {

using media::Reason;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kHang = std::chrono::seconds(60);  // nothing takes this long; a guard, not a wait

/// A shard in virtual time that can be waited for: another thread's answer comes as a posted task.
class Shard final : public base::Executor {
 public:
  explicit Shard(base::ManualClock& clock) : inner_(clock) {}
  void post(base::Task task) override {
    inner_.post(std::move(task));
    posted_.release();
  }
  TimerId schedule(MonotonicTime when, base::Task task) override {
    return inner_.schedule(when, std::move(task));
  }
  void cancel(TimerId id) override { inner_.cancel(id); }
  [[nodiscard]] base::Clock& clock() const override { return inner_.clock(); }
  void run_for(nanoseconds span) { inner_.run_for(span); }
  /// Runs posted tasks until `is_done`; false when none came for long.
  bool run_until(const bool& is_done) {
    while (!is_done) {
      if (!posted_.try_acquire_for(kHang)) return false;
      inner_.run_ready();
    }
    return true;
  }

 private:
  base::ManualExecutor inner_;
  std::counting_semaphore<> posted_{0};
};

/// A camera at a recording's sink: 5 pictures a second, a key frame each second.
class Player {
 public:
  Player(std::string name, RecordingHandle& handle, Shard& shard)
      : name_(std::move(name)), sink_(handle.sink()), shard_(shard) {
    sink_.on_item(media::SessionStarted{shard_.clock().now(), {media::TrackKind::kVideo}, {}});
    sink_.on_item(bench_video());
  }
  void picture() {
    auto unit = std::make_shared<media::AccessUnit>();
    unit->track = 1;
    unit->dts = unit->pts = media::MediaTime(pictures_ * 18'000, 90'000);
    unit->received = shard_.clock().now();
    unit->is_sync = pictures_ % 5 == 0;
    unit->payload.assign(500, static_cast<std::byte>(pictures_));
    ++pictures_;
    sink_.on_item(media::AccessUnitPtr(std::move(unit)));
  }

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  const std::string name_;
  media::ItemSink& sink_;
  Shard& shard_;
  std::int64_t pictures_ = 0;
};

/// Keeps what somebody should look at: the events of warnings and errors.
class Worries final : public base::Logger {
 public:
  [[nodiscard]] bool is_enabled(base::LogLevel level) const override {
    return level >= base::LogLevel::kWarning;
  }
  void write(base::LogLevel /*level*/, std::string_view event,
             std::initializer_list<base::LogField> /*fields*/) override {
    const base::MutexLock lock(mutex_);
    events_.emplace_back(event);
  }
  [[nodiscard]] std::vector<std::string> events() const {
    const base::MutexLock lock(mutex_);
    return events_;
  }

 private:
  mutable base::Mutex mutex_;
  std::vector<std::string> events_ LT_GUARDED_BY(mutex_);
};

struct ArchiveTest : testing::Test {
  ArchiveTest() {
    std::string pattern = testing::TempDir() + "longtake-archive-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    files = *base::open_file_system(folder);
  }
  ~ArchiveTest() override {
    archive.reset();
    std::filesystem::remove_all(folder);
  }
  Result<std::unique_ptr<Archive>> try_open() {
    Archive::Options options;
    options.policy = {std::nullopt, 0, 0};
    return Archive::open(options, {*files, clock, random, worries, metrics});
  }
  void open() {
    auto opened = try_open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    archive = std::move(*opened);
  }
  std::unique_ptr<RecordingHandle> start(const std::string& name) {
    RecordingConfig config;
    config.name = name;
    auto handle = archive->start_recording(config, shard);
    EXPECT_TRUE(handle.has_value()) << (handle ? "" : handle.error().message());
    return handle ? std::move(*handle) : nullptr;
  }
  /// Virtual time runs far faster than the disk's threads: every few seconds it waits for them.
  void play(const std::vector<Player*>& players, int seconds_count) {
    wait_until_ready();
    for (int i = 0; i < seconds_count; ++i) {
      for (int picture = 0; picture < 5; ++picture) {
        for (Player* player : players) player->picture();
        shard.run_for(milliseconds(200));
      }
      if (i % 5 != 4) continue;
      for (const Player* player : players) wait_until_written(player->name());
    }
  }
  void wait_until_written(const std::string& name) {
    const WallTime enough = clock.wall_now() - seconds(4);
    const auto deadline = std::chrono::steady_clock::now() + kHang;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto status = archive->recording(name);
      ASSERT_TRUE(status.has_value()) << status.error().message();
      if (status->last && *status->last >= enough) return;
      std::this_thread::yield();
    }
    FAIL() << name << ": nothing is written";
  }
  void stop(std::unique_ptr<RecordingHandle> handle, Reason reason = Reason::kOperatorStop) {
    bool is_done = false;
    handle->stop(reason, [&] { is_done = true; });
    ASSERT_TRUE(shard.run_until(is_done));
  }
  void wait_until_ready() {
    const auto deadline = std::chrono::steady_clock::now() + kHang;
    while (!archive->is_ready() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    ASSERT_TRUE(archive->is_ready());
  }
  [[nodiscard]] TimeRange all() const {
    return {WallTime{}, clock.wall_now() + std::chrono::hours(1)};
  }

  std::string folder;
  std::unique_ptr<base::FileSystem> files;
  base::ManualClock clock;
  base::SystemRandom random;
  base::Metrics metrics;
  Worries worries;
  Shard shard{clock};
  std::unique_ptr<Archive> archive;
};

TEST_F(ArchiveTest, RecordsAndAnswersWhatItRecorded) {
  open();
  auto handle = start("front");
  {
    Player camera("front", *handle, shard);
    play({&camera}, 70);
  }
  stop(std::move(handle));
  wait_until_ready();

  const auto status = archive->recording("front");
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ(status->state, RecordingState::kStopped);
  EXPECT_THAT(status->tracks, SizeIs(1));
  EXPECT_EQ(status->durable_until, status->last);

  const auto timeline = archive->timeline("front", all());
  ASSERT_TRUE(timeline.has_value());
  ASSERT_THAT(timeline->spans, SizeIs(1));
  EXPECT_GE(timeline->spans[0].length(), seconds(69));

  const auto segments = archive->segments("front", all(), 100);
  ASSERT_TRUE(segments.has_value());
  ASSERT_THAT(*segments, SizeIs(2));
  for (const SegmentInfo& segment : *segments) {
    const auto file = archive->open_segment("front", segment.id);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_FALSE(file->is_open);
    EXPECT_GE(file->file->descriptor(), 0);
    const auto verdict = isobmff::verify(*file->file);
    ASSERT_TRUE(verdict.has_value());
    EXPECT_THAT(verdict->findings, IsEmpty());
    EXPECT_EQ(verdict->index.spans().front().start, segment.range.start);
  }
  ASSERT_TRUE(archive->close().has_value());
}

TEST_F(ArchiveTest, AFirstStartInAnEmptyFolderIsNothingToWorryAbout) {
  open();
  wait_until_ready();
  ASSERT_TRUE(archive->close().has_value());
  EXPECT_THAT(worries.events(), IsEmpty());
}

TEST_F(ArchiveTest, ShowsAnOpenSegmentUpToItsLastWholeFragment) {
  open();
  auto handle = start("front");
  Player camera("front", *handle, shard);
  play({&camera}, 10);
  wait_until_ready();
  const auto deadline = std::chrono::steady_clock::now() + kHang;
  Result<std::vector<SegmentInfo>> segments = archive->segments("front", all(), 10);
  while (segments && segments->empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();  // the writer is a thread of its own
    segments = archive->segments("front", all(), 10);
  }
  ASSERT_TRUE(segments.has_value());
  ASSERT_THAT(*segments, SizeIs(1));
  EXPECT_TRUE(segments->front().is_open);
  const auto file = archive->open_segment("front", segments->front().id);
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->is_open);
  const auto verdict = isobmff::verify_until(*file->file, file->size_bytes);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->findings, IsEmpty());
  stop(std::move(handle));
}

TEST_F(ArchiveTest, Host02_GoesOnAfterAnOrderlyStopWithTheStopAsTheOnlyGap) {
  open();
  {
    auto handle = start("front");
    Player camera("front", *handle, shard);
    play({&camera}, 20);
    stop(std::move(handle));
    wait_until_ready();
    ASSERT_TRUE(archive->close().has_value());
    archive.reset();
  }
  clock.advance(seconds(100));
  open();
  auto handle = start("front");
  Player camera("front", *handle, shard);
  play({&camera}, 20);
  stop(std::move(handle));
  wait_until_ready();
  const auto timeline = archive->timeline("front", all());
  ASSERT_TRUE(timeline.has_value());
  EXPECT_THAT(timeline->spans, SizeIs(2));
  int stops = 0;
  for (const media::Gap& gap : timeline->gaps) {
    EXPECT_TRUE(gap.reason == Reason::kOperatorStop || gap.reason == Reason::kCameraDisconnected)
        << media::to_string(gap.reason);
    if (gap.reason == Reason::kOperatorStop && !gap.is_open) {
      ++stops;
      EXPECT_GE(gap.range.length(), seconds(100));
    }
  }
  EXPECT_EQ(stops, 1);
}

TEST_F(ArchiveTest, ShowsAfterARestartTheTracksOfTheLastSegment) {
  open();
  auto handle = start("front");
  Player camera("front", *handle, shard);
  play({&camera}, 5);
  stop(std::move(handle));
  ASSERT_TRUE(archive->close().has_value());
  archive.reset();
  open();
  wait_until_ready();
  const auto stopped = archive->recording("front");
  ASSERT_TRUE(stopped.has_value()) << stopped.error().message();
  ASSERT_THAT(stopped->tracks, SizeIs(1));
  EXPECT_EQ(*stopped->tracks[0], *bench_video());

  handle = start("front");  // its camera has sent nothing yet
  const auto waiting = archive->recordings();
  ASSERT_TRUE(waiting.has_value());
  ASSERT_THAT(*waiting, SizeIs(1));
  EXPECT_THAT(waiting->front().tracks, SizeIs(1));
  stop(std::move(handle));
}

TEST_F(ArchiveTest, ListsEachRecordingAsItIsShownAlone) {
  open();
  auto front = start("front");
  auto back = start("back");
  {
    Player front_camera("front", *front, shard);
    Player back_camera("back", *back, shard);
    play({&front_camera}, 70);
    play({&front_camera, &back_camera}, 5);
  }
  stop(std::move(front));
  stop(std::move(back));
  // The catalog follows a moment later, and with it the files' sizes: asked alone between two lists that say the same.
  auto all = archive->recordings();
  std::vector<Result<RecordingStatus>> each;
  const auto deadline = std::chrono::steady_clock::now() + kHang;
  for (bool is_still = false; !is_still && std::chrono::steady_clock::now() < deadline;) {
    ASSERT_TRUE(all.has_value());
    ASSERT_THAT(*all, SizeIs(2));
    each.clear();
    for (const RecordingStatus& listed : *all) each.push_back(archive->recording(listed.name));
    auto again = archive->recordings();
    ASSERT_TRUE(again.has_value());
    is_still = std::ranges::equal(*all, *again, {}, &RecordingStatus::size_bytes,
                                  &RecordingStatus::size_bytes);
    all = std::move(again);
  }
  for (std::size_t i = 0; i < each.size(); ++i) {
    const RecordingStatus& listed = (*all)[i];
    const auto& alone = each[i];
    ASSERT_TRUE(alone.has_value());
    EXPECT_EQ(listed.id, alone->id);
    EXPECT_EQ(listed.first, alone->first);
    EXPECT_EQ(listed.last, alone->last);
    EXPECT_EQ(listed.durable_until, alone->durable_until);
    EXPECT_EQ(listed.size_bytes, alone->size_bytes);
    EXPECT_EQ(listed.tracks, alone->tracks);
  }
  EXPECT_LT(*(*all)[1].first, *(*all)[0].first) << "by name, and the front camera came first";
}

TEST_F(ArchiveTest, Host23_ShowsARedatedRunAtItsRightTimesBeforeTheCatalogListsIt) {
  const WallTime truth = clock.wall_now() + std::chrono::hours(24);
  clock.step_wall(WallTime(seconds(30)) - clock.wall_now());  // a boot without a clock
  open();
  auto handle = start("front");
  Player camera("front", *handle, shard);
  play({&camera}, 20);
  clock.step_wall(truth - clock.wall_now());
  play({&camera}, 5);

  const WallTime begun = truth - seconds(21);
  const auto timeline = archive->timeline("front", all());
  ASSERT_TRUE(timeline.has_value());
  for (const TimeRange& span : timeline->spans)
    EXPECT_GE(span.start, begun) << longtake::to_string(span.start);
  const auto segments = archive->segments("front", all(), 10);
  ASSERT_TRUE(segments.has_value());
  ASSERT_THAT(*segments, SizeIs(2));
  for (const SegmentInfo& segment : *segments)
    EXPECT_GE(segment.range.start, begun) << longtake::to_string(segment.range.start);
  const auto status = archive->recording("front");
  ASSERT_TRUE(status.has_value());
  EXPECT_GE(*status->first, begun);
  EXPECT_TRUE(!status->durable_until || *status->durable_until >= begun);
  stop(std::move(handle));
}

TEST_F(ArchiveTest, GivesARecordingOneWriterAtATime) {
  open();
  auto first = start("front");
  RecordingConfig config;
  config.name = "front";
  const auto second = archive->start_recording(config, shard);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  first.reset();
  EXPECT_NE(start("front"), nullptr);
}

TEST_F(ArchiveTest, CallsNobodyBackWhoseHandleIsGone) {
  open();
  auto handle = start("front");
  Player camera("front", *handle, shard);
  play({&camera}, 5);
  bool is_called = false;
  handle->stop(Reason::kConfigChange, [&] { is_called = true; });
  handle.reset();  // whoever waited gave up: the disk was too slow
  ASSERT_TRUE(archive->close().has_value());
  shard.run_for(seconds(1));
  EXPECT_FALSE(is_called);
}

TEST_F(ArchiveTest, RefusesANameThatIsNone) {
  open();
  RecordingConfig config;
  config.name = "../etc";
  EXPECT_EQ(archive->start_recording(config, shard).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(ArchiveTest, KnowsNoRecordingThatWasNeverMade) {
  open();
  EXPECT_EQ(archive->recording("front").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(archive->timeline("front", all()).error().code(), ErrorCode::kNotFound);
}

TEST_F(ArchiveTest, KeepsToTheLastPolicyOfARecordingThatNobodyConfiguresAnyMore) {
  open();
  auto handle = start("front");
  {
    Player camera("front", *handle, shard);
    play({&camera}, 10);
  }
  stop(std::move(handle));
  // Set when recording is over already, so that it is the next life's to carry out.
  ASSERT_TRUE(archive->close().has_value());
  RecordingConfig small;
  small.name = "front";
  small.max_size_bytes = 1;
  archive->set_policy(small);
  archive.reset();

  open();
  wait_until_ready();
  ASSERT_GT(archive->recording("front")->size_bytes, 0U);
  archive->disarm("front");
  const auto deadline = std::chrono::steady_clock::now() + kHang;
  while (archive->recording("front")->size_bytes > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(archive->recording("front")->size_bytes, 0U);
}

TEST_F(ArchiveTest, DoesNotAskForTheTimeAfterItWasDisarmed) {
  open();
  auto handle = start("front");
  {
    Player camera("front", *handle, shard);
    play({&camera}, 10);
  }
  stop(std::move(handle), Reason::kConfigChange);
  archive->disarm("front");
  const WallTime disarmed = clock.wall_now();
  clock.advance(seconds(1000));
  wait_until_ready();
  ASSERT_TRUE(archive->close().has_value());
  archive.reset();
  open();
  wait_until_ready();
  const auto timeline = archive->timeline("front", all());
  ASSERT_TRUE(timeline.has_value());
  for (const media::Gap& gap : timeline->gaps) EXPECT_LE(gap.range.end, disarmed);
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(ArchiveTest, Host01_RecoversWhatManyCamerasLeftOpenWithoutADescriptorForEach) {
  open();
  std::vector<std::unique_ptr<RecordingHandle>> handles;
  std::vector<std::unique_ptr<Player>> cameras;
  std::vector<Player*> players;
  for (int i = 0; i < 16; ++i) {
    const std::string name = "camera-" + std::to_string(i);
    handles.push_back(start(name));
    cameras.push_back(std::make_unique<Player>(name, *handles.back(), shard));
    players.push_back(cameras.back().get());
  }
  play(players, 5);
  std::string as_a_kill_left_it = folder + "-killed";
  std::filesystem::copy(folder, as_a_kill_left_it, std::filesystem::copy_options::recursive);
  for (const char* file : {"/catalog.db", "/catalog.db-wal", "/catalog.db-shm"})
    std::filesystem::remove(as_a_kill_left_it + file);  // copied while it was written
  for (auto& handle : handles) stop(std::move(handle));
  ASSERT_TRUE(archive->close().has_value());
  archive.reset();

  const auto killed = *base::open_file_system(as_a_kill_left_it);
  base::FaultyFileSystem watched(*killed);
  std::vector<std::size_t> held;
  watched.set_script([&](const base::FileCall& call) {
    if (call.kind != base::FileCall::Kind::kTruncate || !call.path.ends_with(".mp4"))
      return base::Fault{};
    held.push_back(open_descriptors());
    return base::Fault{};
  });
  auto again = Archive::open({}, {watched, clock, random, base::null_logger(), metrics});
  ASSERT_TRUE(again.has_value()) << again.error().message();
  archive = std::move(*again);
  wait_until_ready();
  ASSERT_THAT(held, SizeIs(16));
  EXPECT_LE(std::ranges::max(held) - std::ranges::min(held), 4U) << "the catalog's come and go";
  archive.reset();
  std::filesystem::remove_all(as_a_kill_left_it);
}

TEST_F(ArchiveTest, Host27_RefusesASecondInstanceOnTheSameFolder) {
  open();
  const auto second = try_open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr(folder));
}

TEST_F(ArchiveTest, AnswersManyQuestionsWhileManyCamerasRecord) {
  open();
  std::vector<std::unique_ptr<RecordingHandle>> handles;
  std::vector<std::unique_ptr<Player>> cameras;
  std::vector<Player*> players;
  for (int i = 0; i < 8; ++i) {
    handles.push_back(start("camera-" + std::to_string(i)));
    cameras.push_back(
        std::make_unique<Player>("camera-" + std::to_string(i), *handles.back(), shard));
    players.push_back(cameras.back().get());
  }
  wait_until_ready();
  std::atomic<bool> is_over{false};
  std::atomic<int> answers{0};
  std::thread asker([&] {
    while (!is_over) {
      for (int i = 0; i < 8; ++i) {
        const std::string name = "camera-" + std::to_string(i);
        const auto timeline = archive->timeline(name, all());
        EXPECT_TRUE(timeline.has_value());
        if (timeline) {
          for (const media::Gap& gap : timeline->gaps) {
            EXPECT_NE(gap.reason, Reason::kLedgerLost)
                << longtake::to_string(gap.range.start) << " to "
                << longtake::to_string(gap.range.end);
          }
        }
        EXPECT_TRUE(archive->recordings().has_value());
        if (const auto segments = archive->segments(name, all(), 100)) {
          for (const SegmentInfo& segment : *segments) {
            EXPECT_TRUE(archive->open_segment(name, segment.id).has_value());
          }
        }
        ++answers;
      }
    }
  });
  play(players, 70);
  while (answers < 8) std::this_thread::yield();
  for (auto& handle : handles) stop(std::move(handle));
  is_over = true;
  asker.join();
  for (int i = 0; i < 8; ++i) {
    const auto timeline = archive->timeline("camera-" + std::to_string(i), all());
    ASSERT_TRUE(timeline.has_value());
    media::TimeRanges recorded;
    for (const TimeRange& span : timeline->spans) recorded.add(span);
    EXPECT_GE(recorded.total(), seconds(69));
  }
  EXPECT_TRUE(archive->close().has_value());
}

}  // namespace
}  // namespace longtake::archive
