#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "media/fragment_index.h"
#include "media/reason.h"

/// What the ledger remembers. Media beats ledger, ledger beats catalog: catalog = f(media files, facts).
namespace longtake::store {

/// The program began to own the volume. `start` is volume.json's counter, one more at each start.
struct ProcessStarted {
  std::uint64_t start = 0;
  std::string boot_id;  // /proc/sys/kernel/random/boot_id: tells a crash from a power loss
  WallTime at;
  friend bool operator==(const ProcessStarted&, const ProcessStarted&) = default;
};
/// It stopped in order: everything was closed.
struct ProcessStopped {
  std::uint64_t start = 0;
  WallTime at;
  friend bool operator==(const ProcessStopped&, const ProcessStopped&) = default;
};

struct RecordingCreated {
  media::RecordingId recording;
  std::string name;
  WallTime at;
  friend bool operator==(const RecordingCreated&, const RecordingCreated&) = default;
};
/// Recording is asked for from `at`, until a Disarmed. A stop of the program does not disarm.
struct Armed {
  media::RecordingId recording;
  WallTime at;
  friend bool operator==(const Armed&, const Armed&) = default;
};
struct Disarmed {
  media::RecordingId recording;
  WallTime at;
  friend bool operator==(const Disarmed&, const Disarmed&) = default;
};

struct RunStarted {
  media::RecordingId recording;
  media::RunId run;
  WallTime wall_start;
  microseconds uncertainty{0};
  bool is_time_uncertain = false;  // the machine's clock was obviously wrong (boot without RTC)
  std::string cause;               // "session", "media_jump", "clock_step", ...
  friend bool operator==(const RunStarted&, const RunStarted&) = default;
};
/// A run recorded under a wrong clock: all its wall times move by `by` (FAULTS HOST-23).
struct RunRedated {
  media::RecordingId recording;
  media::RunId run;
  microseconds by{0};
  friend bool operator==(const RunRedated&, const RunRedated&) = default;
};

struct SegmentOpened {
  media::RecordingId recording;
  media::SegmentId segment;
  std::string day;  // its folder, "20260131"
  WallTime at;
  friend bool operator==(const SegmentOpened&, const SegmentOpened&) = default;
};
/// Closed in order, or by recovery (`is_recovered`). Equal to what the file says of itself.
struct SegmentClosed {
  media::RecordingId recording;
  media::SegmentId segment;
  std::string day;
  std::uint64_t size_bytes = 0;
  std::vector<TimeRange> spans;  // as FragmentIndex::spans(): never empty, in order
  bool is_recovered = false;
  friend bool operator==(const SegmentClosed&, const SegmentClosed&) = default;
};
/// Its bytes go now, and why. The file may still be there until it is purged. Unlike SegmentClosed's, `spans` are as
/// the catalog's row showed them then, a redate included: the reason is painted there and never moves again.
struct SegmentDeleted {
  media::RecordingId recording;
  media::SegmentId segment;
  media::Reason reason = media::Reason::kRetention;
  std::vector<TimeRange> spans;
  friend bool operator==(const SegmentDeleted&, const SegmentDeleted&) = default;
};

/// From `from` on nothing is recorded, for this reason; ends the recording's open gap, if any, there.
struct GapOpened {
  media::RecordingId recording;
  WallTime from;
  media::Reason reason = media::Reason::kCameraDisconnected;
  std::string detail;
  friend bool operator==(const GapOpened&, const GapOpened&) = default;
};
struct GapClosed {
  media::RecordingId recording;
  WallTime to;
  friend bool operator==(const GapClosed&, const GapClosed&) = default;
};
/// A gap that is known only when it is over: dropped fragments, a hole inside a run, downtime.
struct GapNoted {
  media::RecordingId recording;
  TimeRange range;
  media::Reason reason = media::Reason::kBackpressure;
  std::string detail;
  friend bool operator==(const GapNoted&, const GapNoted&) = default;
};
struct DegradedNoted {
  media::RecordingId recording;
  TimeRange range;
  media::Reason reason = media::Reason::kPacketLoss;
  std::uint64_t count = 0;
  friend bool operator==(const DegradedNoted&, const DegradedNoted&) = default;
};

/// The order is the ledger's type number (from 1): append only.
using Fact = std::variant<ProcessStarted, ProcessStopped, RecordingCreated, Armed, Disarmed,
                          RunStarted, RunRedated, SegmentOpened, SegmentClosed, SegmentDeleted,
                          GapOpened, GapClosed, GapNoted, DegradedNoted>;

/// Takes facts from any thread, in order per caller, without waiting for the disk. They are durable with the next commit.
class FactSink {
 public:
  virtual ~FactSink() = default;
  virtual void append(Fact fact) = 0;
};

}  // namespace longtake::store
