#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "archive/disk_bench.h"
#include "archive/recording_facts.h"
#include "archive/recovery.h"
#include "archive/volume.h"
#include "store/store.h"

/// Lives of the program on one volume, one after the other: each is killed, loses its power, or ends in order.
namespace longtake::archive {

/// What outlives a life: the disk, the catalog's file, and the machine's clock.
struct World {
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// What was not synced is gone, and nothing answers any more.
  void cut_power();
  /// The next life begins with the disk as the cut left it.
  void restore_power();
  [[nodiscard]] std::string catalog_path() const { return catalog_folder + "/catalog.db"; }

  base::ManualClock clock;
  base::SystemRandom random;
  base::MemoryFileSystem memory;
  base::FaultyFileSystem files{memory};
  std::string catalog_folder;  // a real one, for SQLite
  std::string boot_id = "boot-1";
  std::atomic<bool> is_dark{false};  // the power is gone: nobody waits for the ledger any more
  WallTime armed;                    // the first life's camera began here
  WallTime promised;                 // the latest durable_until that any life told
};

/// One life: volume, store, writer, committer; no threads but the store's.
class Life {
 public:
  /// Nothing when the folder could not be opened.
  static std::unique_ptr<Life> begin(World& world);
  ~Life();  // as kill -9 leaves things: nothing is closed

  /// A second of the camera's time at a time: submitted, written, committed, and what is durable remembered.
  void record(int seconds);
  /// Written, not committed.
  void record_undurably(int seconds);
  /// As the archive does it: the same recovery, until it succeeds.
  Result<Recovery::Report> recover(int attempts = 1);
  /// Closes all in order. False: it did not settle.
  bool stop();

  [[nodiscard]] WallTime now() const { return camera_->now(); }
  Volume& volume() { return *volume_; }
  store::Store& store() { return *store_; }
  std::unique_ptr<store::CatalogReader> catalog();
  [[nodiscard]] const RecordingFolder& folder() const {
    return writer_->recordings().front()->folder();
  }
  media::TimelineAnswer timeline();

 private:
  explicit Life(World& world);
  void submit_second();
  void remember_promise();

  World& world_;
  WallTime started_;
  base::Metrics metrics_;  // outlives the store's thread
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<store::Store> store_;
  VolumeHealth health_;
  RingBudget budget_{1ULL << 30U};
  WriterMetrics writer_metrics_;
  std::unique_ptr<SpaceGuard> space_;
  std::unique_ptr<DiskContext> disk_;
  std::unique_ptr<VolumeWriter> writer_;
  std::unique_ptr<Committer> committer_;
  std::shared_ptr<RecordingWriter> recording_;
  std::unique_ptr<RecordingFacts> facts_;
  std::unique_ptr<BenchCamera> camera_;
  bool has_recorded_ = false;
};

/// What must hold after a recovery, whatever happened before (docs/design/archive.md): nothing durable is lost, rows and
/// files are the same set and say the same, no time is recorded twice, all of it is explained, and the catalog equals one
/// built anew from media and ledger.
void expect_all_well(World& world, Life& life, const std::string& after);

}  // namespace longtake::archive
