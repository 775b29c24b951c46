#include "rtsp/rtcp.h"

#include <algorithm>

namespace longtake::rtsp {

namespace {

constexpr std::uint8_t kSenderReport = 200;
constexpr std::uint8_t kReceiverReport = 201;
constexpr std::uint8_t kGoodbye = 203;
constexpr std::uint8_t kFirstType = 192;  // RFC 5761 §4: RTCP types lie in 192 to 223
constexpr std::uint8_t kLastType = 223;
constexpr std::int64_t kNtpToUnixSeconds = 2'208'988'800;

void read_sender(ByteSpan body, RtcpReport& report) {
  Cursor cursor(body);
  const auto ssrc = cursor.u32();
  const auto ntp = cursor.u64();
  const auto rtp_time = cursor.u32();
  if (ssrc && ntp && rtp_time) report.sender = {.ssrc = *ssrc, .ntp = *ntp, .rtp_time = *rtp_time};
}

void read_goodbye(ByteSpan body, unsigned count, RtcpReport& report) {
  Cursor cursor(body);
  for (unsigned i = 0; i < count; ++i) {
    const auto ssrc = cursor.u32();
    if (!ssrc || report.goodbyes.size() >= 31) return;
    report.goodbyes.push_back(*ssrc);
  }
}

}  // namespace

std::optional<RtcpReport> parse_rtcp(ByteSpan bytes) {
  RtcpReport report;
  Cursor cursor(bytes);
  bool has_any = false;
  while (cursor.remaining() >= 4) {
    const std::uint8_t first = *cursor.u8();
    const std::uint8_t type = *cursor.u8();
    const std::size_t length = std::size_t{*cursor.u16()} * 4;
    if (first >> 6U != 2 || type < kFirstType || type > kLastType) break;
    const auto body = cursor.take(length);
    if (!body) break;
    has_any = true;
    if (type == kSenderReport) read_sender(*body, report);
    if (type == kGoodbye) read_goodbye(*body, first & 0x1fU, report);
  }
  if (!has_any) return std::nullopt;
  return report;
}

std::optional<WallTime> wall_time_of_ntp(std::uint64_t ntp) {
  if (ntp == 0) return std::nullopt;
  auto seconds_since_1900 = static_cast<std::int64_t>(ntp >> 32U);
  // Era 1 began in 2036: a top bit of 0 means a time after that.
  if ((seconds_since_1900 & 0x8000'0000) == 0) seconds_since_1900 += std::int64_t{1} << 32U;
  const auto fraction_us = static_cast<std::int64_t>(((ntp & 0xffff'ffffU) * 1'000'000U) >> 32U);
  return WallTime(microseconds((seconds_since_1900 - kNtpToUnixSeconds) * 1'000'000 + fraction_us));
}

Bytes write_receiver_report(const ReceiverReport& report) {
  Bytes out;
  out.reserve(32);
  ByteWriter writer(out);
  writer.u8(0x81).u8(kReceiverReport).u16(7).u32(report.our_ssrc).u32(report.source_ssrc);
  writer.u8(0);  // fraction lost: cameras ignore it on TCP
  writer.u24(std::min<std::uint32_t>(report.lost, 0x7f'ffff));
  writer.u32(report.extended_sequence)
      .u32(0)
      .u32(report.last_sender_ntp_middle)
      .u32(report.delay_since_65536th);
  return out;
}

}  // namespace longtake::rtsp
