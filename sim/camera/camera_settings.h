#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace longtake::camsim {

/// The simulator's own steady time; wall time is derived from it once, at the start.
using SimClock = std::chrono::steady_clock;
using SimTime = SimClock::time_point;

/// Where a session's pictures begin at PLAY.
enum class StartPolicy : std::uint8_t {
  kKey,  // waits for the next key picture
  kGop,  // bursts what is buffered since the last key picture
  kMid,  // the next picture, whatever it is
};

enum class RtcpMode : std::uint8_t { kOn, kOff, kAbsurd, kLate };
enum class TimestampMode : std::uint8_t { kTrue, kZero, kConstant, kRandom, kBackward };
enum class FloodMode : std::uint8_t { kNone, kHeaders, kLine, kBody };
enum class Refusal : std::uint8_t { kNone, kStatus, kConnection };

/// Which packets never leave the camera, though their sequence numbers do.
struct LossRule {
  double fraction = 0;      // of all packets
  std::uint64_t every = 0;  // each n-th packet; 0 is never
  std::uint64_t next = 0;   // this many more packets
};

/// What a path's session description says.
struct DescriptionSettings {
  bool has_parameter_sets = true;  // sprop-parameter-sets
  bool has_audio = true;
  bool has_extra_tracks = false;  // metadata and a codec nobody knows
  bool has_only_unknown = false;  // nothing a recorder could record
  double rate_factor = 1;         // lies in a=framerate
  std::string title = "longtake-camsim";
  std::string unknown_codec = "X-NOBODY-KNOWS";
};

/// The knobs of one simulated camera; commands turn them while it runs.
struct CameraSettings {
  StartPolicy start = StartPolicy::kKey;
  std::optional<std::uint16_t> first_sequence;  // of each session; random when absent
  DescriptionSettings description;
  RtcpMode rtcp = RtcpMode::kOn;
  std::chrono::seconds camera_clock_offset{
      0};  // what the camera believes too much; in sender reports
  TimestampMode timestamps = TimestampMode::kTrue;
  LossRule loss;
  bool sends_audio = true;
  Refusal refusal = Refusal::kNone;
  int refusal_status = 0;
  std::string phrase;          // of replies of 300 and above; "": the usual one
  std::string refusal_method;  // the one method refused; "" is every method but OPTIONS
  FloodMode flood = FloodMode::kNone;
  bool trickles = false;  // one byte a second
  bool speaks_http = false;
  bool refuses_get_parameter = false;
  bool refuses_options = false;
  std::chrono::seconds session_timeout{60};
  bool enforces_timeout = false;
  std::optional<SimTime> stalled_until;  // pictures wait, or are skipped
  bool stall_skips = false;
  std::optional<SimTime> frozen_until;  // sessions that come before then freeze too
};

}  // namespace longtake::camsim
