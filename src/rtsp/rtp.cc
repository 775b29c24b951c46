#include "rtsp/rtp.h"

#include <utility>

namespace longtake::rtsp {

namespace {

constexpr std::size_t kFixedHeaderBytes = 12;
constexpr std::uint16_t kMaxDropout = 3000;      // RFC 3550 §A.1
constexpr std::size_t kPacketsOfANewSource = 3;  // CAM-12

}  // namespace

std::optional<RtpPacket> parse_rtp(ByteSpan bytes) {
  if (bytes.size() < kFixedHeaderBytes) return std::nullopt;
  const auto byte_at = [bytes](std::size_t index) {
    return std::to_integer<std::uint32_t>(bytes[index]);
  };
  const std::uint32_t first = byte_at(0);
  if (first >> 6U != 2) return std::nullopt;
  RtpPacket packet;
  packet.has_marker = (byte_at(1) & 0x80U) != 0;
  packet.payload_type = static_cast<std::uint8_t>(byte_at(1) & 0x7fU);
  packet.sequence = static_cast<std::uint16_t>(byte_at(2) << 8U | byte_at(3));
  packet.timestamp = byte_at(4) << 24U | byte_at(5) << 16U | byte_at(6) << 8U | byte_at(7);
  packet.ssrc = byte_at(8) << 24U | byte_at(9) << 16U | byte_at(10) << 8U | byte_at(11);

  std::size_t start = kFixedHeaderBytes + std::size_t{4} * (first & 0x0fU);
  if ((first & 0x10U) != 0) {
    if (bytes.size() < start + 4) return std::nullopt;
    start += 4 + std::size_t{4} * (byte_at(start + 2) << 8U | byte_at(start + 3));
  }
  if (bytes.size() < start) return std::nullopt;
  std::size_t padding = 0;
  if ((first & 0x20U) != 0) {
    if (bytes.size() == start) return std::nullopt;
    padding = byte_at(bytes.size() - 1);
    if (padding == 0 || padding > bytes.size() - start) return std::nullopt;
  }
  packet.payload = bytes.subspan(start, bytes.size() - start - padding);
  return packet;
}

RtpSource::Judged RtpSource::judge(const RtpPacket& packet, ByteSpan bytes) {
  if (!ssrc_) {
    ssrc_ = packet.ssrc;
    extended_sequence_ = packet.sequence;
    ++received_;
    return {};
  }
  if (packet.ssrc != *ssrc_) return judge_other_source(packet, bytes);
  if (!held_.empty()) {
    strays_ += held_.size();
    held_.clear();
  }
  return follow(packet.sequence);
}

RtpSource::Judged RtpSource::follow(std::uint16_t sequence) {
  const auto step =
      static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(extended_sequence_));
  if (step == 0) {
    ++duplicates_;
    return {.verdict = Verdict::kDrop, .lost = 0, .has_restarted = false};
  }
  ++received_;
  if (step > kMaxDropout) {
    extended_sequence_ = (extended_sequence_ & 0xffff'0000U) | sequence;
    return {.verdict = Verdict::kMedia, .lost = 0, .has_restarted = true};
  }
  extended_sequence_ += step;
  lost_ += step - 1U;
  return {.verdict = Verdict::kMedia, .lost = step - 1U, .has_restarted = false};
}

RtpSource::Judged RtpSource::judge_other_source(const RtpPacket& packet, ByteSpan bytes) {
  if (!held_.empty() && candidate_ssrc_ != packet.ssrc) {
    strays_ += held_.size();
    held_.clear();
  }
  candidate_ssrc_ = packet.ssrc;
  if (held_.size() + 1 < kPacketsOfANewSource) {
    held_.emplace_back(bytes.begin(), bytes.end());
    return {.verdict = Verdict::kDrop, .lost = 0, .has_restarted = false};
  }
  ssrc_.reset();
  return {.verdict = Verdict::kNewSource, .lost = 0, .has_restarted = false};
}

std::vector<Bytes> RtpSource::take_held() { return std::exchange(held_, {}); }

}  // namespace longtake::rtsp
