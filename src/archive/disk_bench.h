#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/committer.h"
#include "archive/media_scan.h"
#include "archive/recording_writer.h"
#include "archive/ring_budget.h"
#include "archive/space_guard.h"
#include "archive/volume_health.h"
#include "archive/volume_writer.h"
#include "archive/writer_metrics.h"
#include "base/clock.h"
#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "media/coverage.h"
#include "store/fact.h"

/// The disk half of the archive on a bench: a disk in memory that fails on cue, a clock turned by hand, no thread unless a
/// test starts one.
namespace longtake::archive {

media::TrackConfigPtr bench_video();  // track 1
media::TrackConfigPtr bench_audio();  // track 2

/// Keeps what the ledger would be told.
class CollectedFacts final : public store::FactSink {
 public:
  void append(store::Fact fact) override {
    const base::MutexLock lock(mutex_);
    facts_.push_back(std::move(fact));
  }
  template <class T>
  [[nodiscard]] std::vector<T> of() const {
    std::vector<T> found;
    const base::MutexLock lock(mutex_);
    for (const store::Fact& fact : facts_) {
      if (const T* match = std::get_if<T>(&fact)) found.push_back(*match);
    }
    return found;
  }

 private:
  mutable base::Mutex mutex_;
  std::vector<store::Fact> facts_ LT_GUARDED_BY(mutex_);
};

/// A camera whose recorder cuts one GOP of a second into a video and an audio fragment, and a segment every ten.
class BenchCamera {
 public:
  BenchCamera(media::RunId run, WallTime start, bool has_audio = true);

  struct Second {
    std::vector<PendingFragment> fragments;
    TimeRange range;
  };
  Second next();
  void start_run(media::RunId run);
  [[nodiscard]] WallTime now() const { return start_ + position_; }

  std::int64_t seconds_a_segment = 10;
  std::int64_t seconds_a_gop = 1;
  int pictures_a_second = 5;
  int sounds_a_second = 10;
  std::size_t picture_bytes = 200;
  std::size_t sound_bytes = 200;
  std::size_t more_bytes_each =
      0;  // each unit of a second is so much larger than the one before it

 private:
  [[nodiscard]] PendingFragment fragment(const media::TrackConfigPtr& track, int units) const;

  std::vector<media::TrackConfigPtr> tracks_;
  RunInfoPtr run_;
  WallTime start_;            // of the first run
  microseconds position_{0};  // since then
  microseconds run_start_{0};
  bool starts_segment_ = true;
};

class DiskBench {
 public:
  explicit DiskBench(std::uint64_t ring_budget_bytes = 1ULL << 30U, Committer::Options commit = {});

  /// A second of the camera's time: submitted, written, committed.
  void record(int seconds);
  /// The same, with nothing written and nothing committed: the disk threads stand still.
  void submit(int seconds);
  void write() { writer.pass(); }
  void commit() { committer.commit(); }
  /// Closes the segment and waits (in virtual time, at most a minute) until all is settled. False: it never was.
  bool finish();

  /// All time that segment files hold, each file scanned with every CRC.
  [[nodiscard]] media::TimeRanges recorded();
  /// What the facts say was dropped.
  [[nodiscard]] media::TimeRanges told_missing() const;
  /// Time held by more than one file: never.
  [[nodiscard]] std::vector<TimeRange> recorded_twice();
  [[nodiscard]] TimeRange submitted() const { return {first, camera.now()}; }
  [[nodiscard]] std::vector<std::string> segment_files();

  base::ManualClock clock;
  base::MemoryFileSystem memory;
  base::FaultyFileSystem files;
  base::Metrics metrics;
  CollectedFacts facts;
  std::vector<media::SegmentId> purged;
  VolumeHealth health;
  RingBudget budget;
  WriterMetrics writer_metrics;
  SpaceGuard space;
  DiskContext disk;
  VolumeWriter writer;
  Committer committer;
  RecordingFolder folder;
  std::shared_ptr<RecordingWriter> recording;
  WallTime first;
  BenchCamera camera;
};

/// What a test's script answers instead of calling through.
base::Fault fail_with(ErrorCode code);
/// Every second submitted is in exactly one file, and nothing is told missing.
void expect_all_recorded_once(DiskBench& bench);

}  // namespace longtake::archive
