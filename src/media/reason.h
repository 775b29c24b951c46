#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace longtake::media {

/// Why a moment that was asked for is missing or damaged. The closed list of DESIGN §6; there is no "unknown".
/// The numbers are stored: never reuse one.
enum class Reason : std::uint8_t {
  kCameraDisconnected = 1,
  kCameraTimeout = 2,
  kCameraStalled = 3,
  kAuthFailed = 4,
  kTlsFailed = 5,
  kDnsFailed = 6,
  kRefusedByPolicy = 7,
  kUnsupportedMedia = 8,
  kNoKeyframe = 9,
  kBadTimestamps = 10,
  kOversize = 11,
  kPacketLoss = 12,
  kAudioLost = 13,
  kBackpressure = 14,
  kDiskFull = 15,
  kDiskError = 16,
  kDiskStall = 17,
  kVolumeMissing = 18,
  kCrash = 19,
  kPowerLoss = 20,
  kProcessStalled = 21,
  kStorageLost = 22,
  kCorruption = 23,
  kMissingFile = 24,
  kLedgerLost = 25,
  kCacheOverflow = 26,
  kClockStep = 27,
  kConfigChange = 28,
  kOperatorStop = 29,
  kOperatorDelete = 30,
  kRetention = 31,
  kEventWindowUnmet = 32,
};

enum class Effect : std::uint8_t {
  kMissing,  // a gap
  kDamaged,  // a degraded interval over recorded media
  kEither,
};

struct ReasonEntry {
  Reason reason;
  std::string_view name;     // as in the API: "camera_disconnected"
  std::string_view trigger;  // one sentence for people
  Effect effect;
};

/// The one reason table, in order of its numbers.
std::span<const ReasonEntry> reason_table();
const ReasonEntry& entry_of(Reason reason);
inline std::string_view to_string(Reason reason) { return entry_of(reason).name; }
std::optional<Reason> reason_from_name(std::string_view name);
std::optional<Reason> reason_from_number(std::uint64_t number);

}  // namespace longtake::media
