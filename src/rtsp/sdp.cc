#include "rtsp/sdp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

struct StaticType {
  std::uint8_t payload_type;
  std::string_view encoding;
  std::uint32_t clock_rate_hz;
};
// RFC 3551 §6, those that cameras send.
constexpr std::array kStaticTypes = {
    StaticType{0, "PCMU", 8000},   StaticType{8, "PCMA", 8000},    StaticType{9, "G722", 8000},
    StaticType{14, "MPA", 90'000}, StaticType{26, "JPEG", 90'000}, StaticType{33, "MP2T", 90'000}};

constexpr std::uint32_t kMaxClockRateHz = 10'000'000;

/// "video 0 RTP/AVP 96 97": the first payload type is the one sent first.
MediaDescription parse_media_line(std::string_view value) {
  MediaDescription out;
  out.kind = take_until(value, ' ');
  take_until(value, ' ');  // port
  take_until(value, ' ');  // transport
  const auto type = parse_number(take_until(value, ' '));
  if (type && *type < 128) out.payload_type = static_cast<std::uint8_t>(*type);
  for (const StaticType& entry : kStaticTypes) {
    if (type && entry.payload_type == *type) {
      out.encoding = entry.encoding;
      out.clock_rate_hz = entry.clock_rate_hz;
    }
  }
  return out;
}

/// "96 H264/90000" or "97 MPEG4-GENERIC/16000/2".
void parse_rtpmap(std::string_view value, MediaDescription& media) {
  const auto type = parse_number(take_until(value, ' '));
  if (!type || *type != media.payload_type) return;
  value = trimmed(value);
  media.encoding = trimmed(take_until(value, '/'));
  const auto rate = parse_number(trimmed(take_until(value, '/')));
  media.clock_rate_hz = rate && *rate <= kMaxClockRateHz ? *rate : 0;
  media.channels = parse_number(trimmed(value)).value_or(0);
}

/// "96 packetization-mode=1; sprop-parameter-sets=Z0L...,aM4..."; values keep their own '='.
void parse_fmtp(std::string_view value, MediaDescription& media) {
  const auto type = parse_number(take_until(value, ' '));
  if (!type || *type != media.payload_type) return;
  while (!value.empty()) {
    const auto [name, setting] = split_once(take_until(value, ';'), '=');
    if (!trimmed(name).empty())
      media.format_parameters.emplace_back(trimmed(name), trimmed(setting));
  }
}

void parse_attribute(std::string_view value, SessionDescription& session) {
  const auto [name, setting] = split_once(value, ':');
  if (session.media.empty()) {
    if (name == "control") session.control = trimmed(setting);
    return;
  }
  MediaDescription& media = session.media.back();
  if (name == "control") media.control = trimmed(setting);
  if (name == "rtpmap") parse_rtpmap(trimmed(setting), media);
  if (name == "fmtp") parse_fmtp(trimmed(setting), media);
}

}  // namespace

std::optional<std::string_view> MediaDescription::format_parameter(std::string_view name) const {
  const auto at = std::ranges::find_if(
      format_parameters, [name](const auto& one) { return equals_ignoring_case(one.first, name); });
  if (at == format_parameters.end()) return std::nullopt;
  return at->second;
}

std::string MediaDescription::description() const {
  const std::string format =
      encoding.empty() ? fmt::format("payload type {}", payload_type) : encoding;
  return printable(fmt::format("{}/{}", kind, format));
}

Result<SessionDescription> parse_sdp(std::string_view text) {
  SessionDescription session;
  std::size_t lines = 0;
  while (!text.empty()) {
    if (++lines > limits::kSdpLines) {
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("SDP: more than {} lines", limits::kSdpLines));
    }
    const std::string_view line = trimmed(take_until(text, '\n'));
    if (line.size() < 2 || line[1] != '=') continue;
    const std::string_view value = trimmed(line.substr(2));
    if (line[0] == 'm') session.media.push_back(parse_media_line(value));
    if (line[0] == 'a') parse_attribute(value, session);
  }
  if (session.media.empty()) return fail(ErrorCode::kInvalidArgument, "SDP: no media (m= line)");
  return session;
}

}  // namespace longtake::rtsp
