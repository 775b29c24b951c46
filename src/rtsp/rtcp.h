#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace longtake::rtsp {

/// What we use of a compound RTCP packet.
struct RtcpReport {
  struct Sender {
    std::uint32_t ssrc = 0;
    std::uint64_t ntp = 0;  // seconds since 1900 in 32.32 bits, as sent
    std::uint32_t rtp_time = 0;
  };
  std::optional<Sender> sender;         // the last sender report inside
  std::vector<std::uint32_t> goodbyes;  // SSRCs of BYE, at most 31
};

/// Reads as far as the packet is well formed; what is behind a malformed part is ignored.
/// Source     RFC 3550 §6.4.1, §6.6. Returns nothing where not even the first header is RTCP.
std::optional<RtcpReport> parse_rtcp(ByteSpan bytes);

/// The wall time an NTP timestamp means; eras are chosen to lie between 1968 and 2104 (RFC 4330
/// §3). Nothing for 0, which cameras without a clock send.
std::optional<WallTime> wall_time_of_ntp(std::uint64_t ntp);

/// An empty receiver report, all that some cameras need to see us alive (RFC 3550 §6.4.2).
struct ReceiverReport {
  std::uint32_t our_ssrc = 0;
  std::uint32_t source_ssrc = 0;
  std::uint32_t lost = 0;  // cumulative, saturated at 24 bits
  std::uint32_t extended_sequence = 0;
  std::uint32_t last_sender_ntp_middle =
      0;  // the middle 32 bits of the last sender report; 0 without one
  std::uint32_t delay_since_65536th = 0;  // since that report, in 1/65,536 s
};
Bytes write_receiver_report(const ReceiverReport& report);

}  // namespace longtake::rtsp
