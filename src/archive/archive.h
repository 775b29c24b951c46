#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "media/coverage.h"
#include "media/item.h"
#include "store/catalog.h"

namespace longtake::archive {

/// One recording's policy and shape, as configured.
struct RecordingConfig {
  std::string name;                         // [A-Za-z0-9-]{1,64}
  microseconds segment_length{60'000'000};  // target; 30 s to 5 min; the hard cap is twice that
  std::optional<microseconds> keep;         // by age; nothing: for ever, as far as space allows
  std::optional<std::uint64_t> max_size_bytes;
};

/// The data folder's policy.
struct VolumePolicy {
  std::optional<std::uint64_t> max_total_bytes;
  std::uint64_t min_free_bytes = 0;  // the larger of the two floors counts
  std::uint32_t min_free_percent = 5;
};

enum class RecordingState : std::uint8_t { kRecording, kWaiting, kStopped };

/// A recording as the API shows it (the camera's part comes from elsewhere).
struct RecordingStatus {
  media::RecordingId id;
  std::string name;
  RecordingState state = RecordingState::kStopped;
  std::optional<WallTime> first;
  std::optional<WallTime> last;
  std::optional<WallTime> durable_until;
  std::uint64_t size_bytes = 0;
  std::vector<media::TrackConfigPtr>
      tracks;  // of this life's media; before it, of the newest segment
};

struct SegmentInfo {
  media::SegmentId id;
  TimeRange range;
  std::uint64_t size_bytes = 0;  // open: up to its last whole fragment
  bool is_open = false;
};

/// An open file and how much of it may be read: sent with sendfile from `file->descriptor()`.
struct SegmentFile {
  std::unique_ptr<base::File> file;
  std::uint64_t size_bytes = 0;
  bool is_open = false;  // still growing: not to be cached
};

/// The fragments of one segment, with the wall times that hold today.
using SegmentIndexPtr = std::shared_ptr<const media::FragmentIndex>;

/// A recorder's handle: give it to a camera session. Destroying it finishes what is open (orderly close).
class RecordingHandle {
 public:
  virtual ~RecordingHandle() = default;
  [[nodiscard]] virtual media::ItemSink& sink() = 0;
  /// Recording ends for `reason` (config_change: the camera was removed or changed; operator_stop: the program ends):
  /// flushes the open fragment and closes the segment; `done` follows on the shard when it is closed and durable, and
  /// never once the handle is gone.
  virtual void stop(media::Reason reason, base::Task done) = 0;
};

/// The data folder: everything recorded, and the threads that write, commit, delete and remember it.
///
/// Thread     every method from any thread, unless it says otherwise.
/// Source     docs/design/archive.md.
class Archive {
 public:
  struct Options {
    VolumePolicy policy;
    milliseconds commit_interval{1000};
    bool owns_mount = false;   // the volume is a mount of its own: syncfs may be used
    std::string catalog_path;  // a real path, for SQLite; empty: catalog.db in the folder
    std::string boot_id;       // of the machine's boot; empty: ask the kernel
    std::uint64_t ring_budget_bytes = 0;  // of all media in memory; 0: a quarter of RAM
  };
  struct Environment {
    base::FileSystem& files;
    base::Clock& clock;
    base::Random& random;
    base::Logger& logger;
    base::Metrics& metrics;
  };

  /// Locks the folder, checks or makes volume.json, counts this start. Recordings may start at once; ledger, catalog
  /// and recovery open behind them. kFailedPrecondition: another instance, a foreign or newer folder.
  static Result<std::unique_ptr<Archive>> open(const Options& options,
                                               const Environment& environment);
  virtual ~Archive() = default;

  /// Begins to record `config.name` on the shard behind `shard`; called there, as its timers start.
  /// A recording that is new gets its folder now, durably: a few syncs. kAlreadyExists: it has a
  /// writer already. Errors of the disk: nothing has begun, call again.
  virtual Result<std::unique_ptr<RecordingHandle>> start_recording(const RecordingConfig& config,
                                                                   base::Executor& shard) = 0;
  /// Changes the policy of a recording, running or not.
  virtual void set_policy(const RecordingConfig& config) = 0;
  /// Changes the data folder's policy; applied within a minute.
  virtual void set_volume_policy(const VolumePolicy& policy) = 0;
  /// The recording is no longer asked for (removed from the configuration, or missing in it at a start): ledgers
  /// `disarmed`. What it holds stays under the policy that was last set, in whichever life.
  virtual void disarm(const std::string& name) = 0;

  [[nodiscard]] virtual bool is_ready() const = 0;  // recovery done and catalog open
  virtual Result<std::vector<RecordingStatus>> recordings() = 0;
  virtual Result<RecordingStatus> recording(const std::string& name) = 0;  // kNotFound
  virtual Result<media::TimelineAnswer> timeline(const std::string& name, TimeRange within) = 0;
  virtual Result<std::vector<SegmentInfo>> segments(const std::string& name, TimeRange within,
                                                    std::size_t limit) = 0;
  virtual Result<SegmentFile> open_segment(const std::string& name, media::SegmentId id) = 0;
  /// What is in a segment, fragment by fragment: of a live one from memory, else from its file's summary (or by walking
  /// its records). Times are those that hold today, also where a run was redated after it was written.
  virtual Result<SegmentIndexPtr> segment_index(const std::string& name, media::SegmentId id) = 0;

  /// Stops threads after everything is closed, durable and ledgered as stopped in order.
  virtual Result<void> close() = 0;
};

}  // namespace longtake::archive
