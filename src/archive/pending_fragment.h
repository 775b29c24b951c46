#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "media/access_unit.h"
#include "media/fragment_index.h"

namespace longtake::archive {

/// What all fragments of one run share.
struct RunInfo {
  media::RunId id;
  MonotonicTime start;
  bool is_time_uncertain = false;
  std::vector<media::TrackConfigPtr>
      tracks;  // in force; a changed set is a new RunInfo with the same id
};
using RunInfoPtr = std::shared_ptr<const RunInfo>;

/// A fragment that a recorder has cut and the writer has not yet put into a file. Positions are the run's; the writer
/// makes them the file's, so that after a failed write the same fragment can go into another file.
struct PendingFragment {
  struct Sample {
    media::AccessUnitPtr unit;
    std::uint32_t duration_ticks = 0;
    std::uint32_t composition_ticks = 0;
  };

  RunInfoPtr run;
  bool starts_segment = false;  // close the open segment, if any, and begin the next one here
  bool is_off_key = false;      // ... although this is no key frame (hard cap)
  media::TrackId track = 0;
  std::vector<Sample> samples;
  std::int64_t run_ticks = 0;  // DTS of the first sample from the run's start, track timescale
  std::int64_t duration_ticks = 0;
  microseconds run_position{0};  // the same on the run's clock
  WallTime wall_start;
  microseconds wall_duration{0};
  microseconds bridge{0};  // as media::FragmentEntry
  microseconds wall_uncertainty{0};
  bool is_sync = false;
  bool is_damaged = false;
  std::size_t payload_bytes = 0;  // sum over samples

  [[nodiscard]] TimeRange covered() const {
    return {wall_start - bridge, wall_start + wall_duration};
  }
};

/// The writer's side of one recording, as its recorder sees it.
///
/// Thread     the recorder's shard.
/// Limits     never blocks. While the disk stalls, at most limits::kRingLength of media wait (and a common budget of all
///            rings); past that whole GOPs go, oldest first, each stretch with a GapNoted fact of its own.
class FragmentSink {
 public:
  virtual ~FragmentSink() = default;
  virtual void submit(PendingFragment fragment) = 0;
  /// Closes the open segment once what was submitted is written. Further fragments begin a new one.
  virtual void finish_segment() = 0;
};

}  // namespace longtake::archive
