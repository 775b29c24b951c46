#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/manifest.h"
#include "archive/media_scan.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "media/fragment_index.h"

namespace longtake::archive {

/// When the last life of the program last told that it was alive: what bounds a downtime that no footage bounds.
struct LastAlive {
  std::string boot_id;
  WallTime wall;
};

/// The data folder as one owned thing: its lock, its identity, the count of its starts, and the run numbers and
/// recording folders that follow from it.
///
///     DIR/ lock  volume.json  catalog.db  ledger/  recordings/  trash/  quarantine/
///
/// The file `lock` is held by flock, and says in text who holds it and when it was last alive.
///
/// Ownership  borrows the file system, clock and randomness.
/// Thread     every method from any thread.
/// Errors     each says the folder, what is wrong with it, and the way out.
/// Source     docs/design/archive.md, invariants A1, A2, A11.
class Volume {
 public:
  /// Takes the folder for this process. Writes nothing before it knows that the folder is ours and nobody else's.
  /// kFailedPrecondition: a foreign folder, a newer format, or another instance holds it.
  static Result<std::unique_ptr<Volume>> open(base::FileSystem& files, base::Clock& clock,
                                              base::Random& random, std::string boot_id);

  /// This life's number. Runs of earlier lives have a smaller one; later ones of this life may have a larger one.
  [[nodiscard]] std::uint64_t start() const { return start_; }
  [[nodiscard]] const std::string& boot_id() const { return boot_id_; }
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] const std::optional<LastAlive>& last_alive() const { return last_alive_; }
  /// Runs of starts up to this one were recovered by an earlier life.
  [[nodiscard]] std::uint64_t settled() const;
  /// All runs of earlier lives are recovered: the next start need not look at them.
  Result<void> mark_earlier_settled() { return mark_settled(start_ - 1); }
  /// Runs of this life too: everything was closed in order.
  Result<void> mark_all_settled() { return mark_settled(UINT64_MAX); }

  /// Tells in `lock` that we live: unsynced, once a second.
  Result<void> beat();
  /// The folder under our path is still the one we opened: same file system, same identity. kFailedPrecondition when not.
  /// (Our own calls go through the open root folder and never reach a strange one; SQLite goes by path.)
  Result<void> check_identity();

  /// A run number never given before, on this or any earlier day. Does no I/O.
  media::RunId next_run();
  /// Counts one more start when half of this life's run numbers are spent (8 million), so that `next_run` never waits.
  Result<void> renew_runs();

  /// The folder of the recording of that name, made durable when it is new; then it begins with `policy`.
  struct Found {
    RecordingFolder folder;
    bool is_new = false;
  };
  Result<Found> find_or_create(const std::string& name, const RecordingPolicy& policy = {});
  /// Keeps a recording's policy in its manifest, durably; costs nothing when it is there. kNotFound: no such recording.
  Result<void> remember_policy(const std::string& name, const RecordingPolicy& policy);
  [[nodiscard]] std::optional<RecordingFolder> find(const std::string& name) const;
  [[nodiscard]] std::vector<RecordingFolder> recordings() const;

 private:
  Volume(base::FileSystem& files, base::Clock& clock, base::Random& random, std::string boot_id);
  Result<void> take_lock();
  Result<void> count_start();
  Result<void> make_folders();
  Result<void> load_recordings();
  Result<void> mark_settled(std::uint64_t up_to);
  Result<void> write_counters(std::uint64_t starts, std::uint64_t settled) LT_REQUIRES(writing_);
  Result<RecordingFolder> create_recording(const std::string& name, const RecordingPolicy& policy)
      LT_REQUIRES(writing_);

  base::FileSystem& files_;
  base::Clock& clock_;
  const std::string boot_id_;
  std::uint64_t start_ = 0;
  std::string identity_;
  std::uint64_t file_system_id_ = 0;
  std::optional<LastAlive> last_alive_;
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<base::File> lock_file_;

  // One at a time writes volume.json or makes a recording; held across I/O, and never wanted by next_run or find.
  base::Mutex writing_;
  base::Random& random_ LT_GUARDED_BY(writing_);
  VolumeManifest manifest_ LT_GUARDED_BY(writing_);

  mutable base::Mutex mutex_;
  std::uint64_t settled_ LT_GUARDED_BY(mutex_) = 0;
  std::uint64_t run_start_ LT_GUARDED_BY(mutex_) =
      0;  // the counter that runs are numbered under now
  std::uint64_t next_start_ LT_GUARDED_BY(mutex_) = 0;  // the one to go on with; 0: none yet
  std::uint64_t runs_begun_ LT_GUARDED_BY(mutex_) = 0;
  std::map<std::string, RecordingFolder> recordings_ LT_GUARDED_BY(mutex_);
};

/// The life that gave out a run's number.
inline std::uint64_t start_of(media::RunId run) { return run.value >> 24U; }

/// This boot of the machine (/proc/sys/kernel/random/boot_id); empty where it cannot be read.
std::string read_boot_id();

}  // namespace longtake::archive
