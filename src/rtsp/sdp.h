#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace longtake::rtsp {

/// One m= section of a session description.
struct MediaDescription {
  std::string kind;  // "video"
  std::uint8_t payload_type = 0;
  std::string encoding;  // "H264", from rtpmap or, for static types, the RTP/AVP table
  std::uint32_t clock_rate_hz = 0;
  std::uint32_t channels = 0;  // audio; 0 where rtpmap is silent
  std::string control;         // a=control, as written
  std::vector<std::pair<std::string, std::string>> format_parameters;  // a=fmtp, split at ';'

  /// The first format parameter of this name, whatever its case; nothing without one.
  [[nodiscard]] std::optional<std::string_view> format_parameter(std::string_view name) const;
  /// "video/H264", printable.
  [[nodiscard]] std::string description() const;
};

struct SessionDescription {
  std::string control;  // the session's own a=control
  std::vector<MediaDescription> media;
};

/// Tolerates  unknown and malformed lines, bare LF, missing v= o= s= lines, a trailing NUL.
/// Limits     limits::kSdpLines lines.
/// Errors     kInvalidArgument: no m= line at all. kResourceExhausted: too many lines.
/// Source     RFC 8866, RFC 2326 §C.1.
Result<SessionDescription> parse_sdp(std::string_view text);

}  // namespace longtake::rtsp
