#include "rtsp/interleaved.h"

#include <algorithm>

#include "rtsp/message.h"

namespace longtake::rtsp {

namespace {

constexpr std::byte kDollar{'$'};

bool is_line_end(std::byte byte) { return byte == std::byte{'\r'} || byte == std::byte{'\n'}; }

}  // namespace

/// Out of step a '$' alone proves nothing: half of all random bytes streams hold one within 256
/// bytes.
bool InterleavedScanner::may_begin_frame(ByteSpan bytes) const {
  if (bytes[0] != kDollar) return false;
  if (in_step_) return true;
  if (bytes.size() > 1 && !known_channels_[std::to_integer<std::size_t>(bytes[1])]) return false;
  if (bytes.size() > 3 && bytes[2] == std::byte{0} && std::to_integer<unsigned>(bytes[3]) < 8)
    return false;
  return bytes.size() < 5 || (bytes[4] & std::byte{0xc0}) == std::byte{0x80};
}

InterleavedScanner::Found InterleavedScanner::next(ByteSpan bytes) {
  if (may_begin_frame(bytes)) {
    if (bytes.size() < kFrameHeaderBytes + (in_step_ ? 0U : 1U)) return {};
    const std::size_t length =
        std::to_integer<std::size_t>(bytes[2]) << 8U | std::to_integer<std::size_t>(bytes[3]);
    if (bytes.size() < kFrameHeaderBytes + length) return {};
    in_step_ = true;
    return {.kind = Kind::kFrame,
            .size = kFrameHeaderBytes + length,
            .channel = std::to_integer<std::uint8_t>(bytes[1]),
            .payload = bytes.subspan(kFrameHeaderBytes, length)};
  }
  switch (starts_message(bytes)) {
    case StartsMessage::kYes:
      in_step_ = true;
      return {.kind = Kind::kMessage, .size = 0, .channel = 0, .payload = {}};
    case StartsMessage::kNeedMore:
      return {};
    case StartsMessage::kNo:
      break;
  }
  if (in_step_ && is_line_end(bytes[0])) {
    const auto end = std::ranges::find_if_not(bytes, is_line_end);
    return {.kind = Kind::kBlank,
            .size = static_cast<std::size_t>(end - bytes.begin()),
            .channel = 0,
            .payload = {}};
  }
  in_step_ = false;
  // To the next byte that could begin something; the calls that follow judge it.
  const auto is_candidate = [](std::byte byte) {
    return byte == kDollar || (byte >= std::byte{'A'} && byte <= std::byte{'Z'});
  };
  const auto end = std::find_if(bytes.begin() + 1, bytes.end(), is_candidate);
  return {.kind = Kind::kJunk,
          .size = static_cast<std::size_t>(end - bytes.begin()),
          .channel = 0,
          .payload = {}};
}

}  // namespace longtake::rtsp
