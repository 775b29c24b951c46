#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace longtake::rtsp {

/// One RTP packet, looked at in place.
struct RtpPacket {
  bool has_marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  ByteSpan payload;  // without header, contributing sources, extension and padding
};

/// Nothing where the packet is not RTP version 2 or is shorter than its own header says.
/// Source     RFC 3550 §5.1, §5.3.1.
std::optional<RtpPacket> parse_rtp(ByteSpan bytes);

/// Turns 32-bit RTP timestamps into 64 bits that do not wrap: each is the nearest to the one
/// before.
///
/// Begins at 2^32 plus the first timestamp, so that a decode time before the first picture stays
/// positive.
/// Source     FAULTS CAM-11: at 90 kHz 32 bits wrap every 13.25 h.
class TimestampUnwrapper {
 public:
  std::int64_t unwrap(std::uint32_t timestamp) {
    if (!has_last_) {
      last_ = kBase + timestamp;
      has_last_ = true;
    }
    last_ = near_last(timestamp);
    return last_;
  }
  /// Without moving on: for a sender report's time. Nothing before the first timestamp.
  [[nodiscard]] std::optional<std::int64_t> peek(std::uint32_t timestamp) const {
    if (!has_last_) return std::nullopt;
    return near_last(timestamp);
  }
  void reset() { has_last_ = false; }

 private:
  static constexpr std::int64_t kBase = std::int64_t{1} << 32U;

  [[nodiscard]] std::int64_t near_last(std::uint32_t timestamp) const {
    return last_ + static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(last_));
  }

  std::int64_t last_ = 0;
  bool has_last_ = false;
};

/// Follows one track's packet source: counts what is missing by sequence numbers, and decides which
/// SSRC is meant.
///
/// TCP keeps order, so there is no reorder window: a number ahead is a loss, a repeated number a
/// duplicate, any other step back a restart of the count. A new SSRC is a new source once three of
/// its packets came with none of the current source between them; these packets are kept, so that
/// no picture is lost. Fewer are strays, dropped and counted.
///
/// Thread     confined to its session's thread.
/// Limits     keeps at most two packets.
/// Source     RFC 3550 §8.2, §A.1; FAULTS CAM-10, CAM-12.
class RtpSource {
 public:
  enum class Verdict : std::uint8_t {
    kMedia,      // hand it to the depacketizer; `lost` says what is missing before it
    kDrop,       // a duplicate, or of an SSRC not yet believed
    kNewSource,  // this packet proves a new source: first take those of `take_held`, then this one
  };
  struct Judged {
    Verdict verdict = Verdict::kMedia;
    std::uint64_t lost = 0;      // packets missing directly before this one
    bool has_restarted = false;  // the sequence jumped: something is missing, nobody knows how much
  };

  Judged judge(const RtpPacket& packet, ByteSpan bytes);
  /// The packets held back of a source that has just been believed, in order.
  std::vector<Bytes> take_held();

  [[nodiscard]] std::optional<std::uint32_t> ssrc() const { return ssrc_; }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t strays() const { return strays_; }
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_; }
  /// 32 bits: the wraps so far and the highest sequence number (RFC 3550 §6.4.1).
  [[nodiscard]] std::uint32_t extended_sequence() const { return extended_sequence_; }

 private:
  Judged judge_other_source(const RtpPacket& packet, ByteSpan bytes);
  Judged follow(std::uint16_t sequence);

  std::optional<std::uint32_t> ssrc_;
  std::uint32_t extended_sequence_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t strays_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint32_t candidate_ssrc_ = 0;
  std::vector<Bytes> held_;  // the candidate's packets
};

}  // namespace longtake::rtsp
