#include "media/reason.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace longtake::media {

namespace {

using enum Reason;
using enum Effect;

constexpr std::array kTable = {
    ReasonEntry{kCameraDisconnected, "camera_disconnected",
                "The camera could not be reached, or it closed or reset the connection.", kMissing},
    ReasonEntry{kCameraTimeout, "camera_timeout",
                "The camera was reached but did not answer a request in time.", kMissing},
    ReasonEntry{kCameraStalled, "camera_stalled",
                "The connection stood, but no media came for the longer of 5 s and three times the "
                "usual interval.",
                kMissing},
    ReasonEntry{kAuthFailed, "auth_failed",
                "The camera refused the user name and password; they are tried again every 60 s.",
                kMissing},
    ReasonEntry{kTlsFailed, "tls_failed",
                "The camera's certificate could not be verified, or the TLS handshake failed.",
                kMissing},
    ReasonEntry{kDnsFailed, "dns_failed", "The camera's host name could not be resolved.",
                kMissing},
    ReasonEntry{
        kRefusedByPolicy, "refused_by_policy",
        "The camera's address, or one it redirected to, is not allowed by the outbound policy.",
        kMissing},
    ReasonEntry{kUnsupportedMedia, "unsupported_media",
                "The camera offers nothing at this URL that longtake can record, or does not speak "
                "RTSP as required.",
                kMissing},
    ReasonEntry{
        kNoKeyframe, "no_keyframe",
        "The camera was connected, but sent no picture to begin with yet: no key frame or no "
        "parameter sets.",
        kMissing},
    ReasonEntry{kBadTimestamps, "bad_timestamps",
                "The camera's media times jumped or ran at a wrong rate; pictures are spaced by "
                "their receipt.",
                kEither},
    ReasonEntry{kOversize, "oversize",
                "A picture or fragment was larger than the limit; media was dropped up to the next "
                "key frame.",
                kEither},
    ReasonEntry{kPacketLoss, "packet_loss", "Packets from the camera were lost on the way.",
                kEither},
    ReasonEntry{kAudioLost, "audio_lost", "Sound is missing while the picture was recorded.",
                kDamaged},
    ReasonEntry{kBackpressure, "backpressure",
                "The disk did not keep up and memory was full; whole GOPs were dropped.", kMissing},
    ReasonEntry{kDiskFull, "disk_full",
                "Free space was at its floor and nothing more could be deleted.", kMissing},
    ReasonEntry{kDiskError, "disk_error", "The disk answered a write or sync with an error.",
                kMissing},
    ReasonEntry{kDiskStall, "disk_stall",
                "The disk did not answer for longer than memory could bridge.", kMissing},
    ReasonEntry{kVolumeMissing, "volume_missing",
                "The data folder's volume was not mounted, or was not the one it should be.",
                kMissing},
    ReasonEntry{kCrash, "crash", "The recorder ended without closing its files.", kMissing},
    ReasonEntry{kPowerLoss, "power_loss", "The machine stopped or restarted while recording.",
                kMissing},
    ReasonEntry{kProcessStalled, "process_stalled",
                "The recorder was frozen: the machine was suspended or gave it no time to run.",
                kMissing},
    ReasonEntry{kStorageLost, "storage_lost",
                "Media that the disk had confirmed as written is not there: the disk does not keep "
                "its word.",
                kMissing},
    ReasonEntry{kCorruption, "corruption", "Stored media no longer matches its checksum.", kEither},
    ReasonEntry{kMissingFile, "missing_file",
                "A segment file is gone although longtake did not delete it.", kMissing},
    ReasonEntry{kLedgerLost, "ledger_lost",
                "Neither media nor ledger says what happened: the ledger of that time is lost.",
                kMissing},
    ReasonEntry{kCacheOverflow, "cache_overflow",
                "Media was dropped before its upload, in the declared order, because the local "
                "cache was full.",
                kMissing},
    ReasonEntry{kClockStep, "clock_step",
                "The machine's clock was set: forward leaves a time that never was, backward a "
                "time told twice.",
                kEither},
    ReasonEntry{kConfigChange, "config_change",
                "Recording paused while a changed configuration was taken up.", kMissing},
    ReasonEntry{kOperatorStop, "operator_stop",
                "An operator stopped the recording or the recorder.", kMissing},
    ReasonEntry{kOperatorDelete, "operator_delete", "An operator deleted the media.", kMissing},
    ReasonEntry{kRetention, "retention", "The media was deleted by the recording's own policy.",
                kMissing},
    ReasonEntry{kEventWindowUnmet, "event_window_unmet",
                "An event asked for time that was no longer, or not yet, held in memory.",
                kMissing},
};

// `entry_of` finds a reason by its number; a new one is added at the end.
constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].reason) != i + 1) return false;
  }
  return true;
}
static_assert(is_in_order());

}  // namespace

std::span<const ReasonEntry> reason_table() { return kTable; }

const ReasonEntry& entry_of(Reason reason) {
  const auto number = static_cast<std::size_t>(reason);
  LT_CHECK(number >= 1 && number <= kTable.size());
  return kTable[number - 1];
}

std::optional<Reason> reason_from_name(std::string_view name) {
  const auto* const found = std::ranges::find(kTable, name, &ReasonEntry::name);
  if (found == kTable.end()) return std::nullopt;
  return found->reason;
}

std::optional<Reason> reason_from_number(std::uint64_t number) {
  if (number < 1 || number > kTable.size()) return std::nullopt;
  return kTable[number - 1].reason;
}

}  // namespace longtake::media
