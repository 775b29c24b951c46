#include "sim/camera/picture_mark.h"

#include <algorithm>
#include <string_view>

namespace longtake::camsim {
namespace {

constexpr std::string_view kUuid = "longtake-camsim1";
constexpr std::uint8_t kUserDataUnregistered = 5;
constexpr std::uint8_t kPayloadBytes = 16 + 8 + 8 + 4 + 4;
constexpr std::uint8_t kSeiHeader = 0x06;  // nal_ref_idc 0, type 6

// H.264 §7.4.1: no 00 00 0x (x <= 3) inside a NAL unit.
Bytes with_emulation_prevention(ByteSpan raw) {
  Bytes out;
  out.reserve(raw.size() + 8);
  int zeros = 0;
  for (const std::byte value : raw) {
    if (zeros >= 2 && value <= std::byte{3}) {
      out.push_back(std::byte{3});
      zeros = 0;
    }
    out.push_back(value);
    zeros = value == std::byte{0} ? zeros + 1 : 0;
  }
  return out;
}

Bytes without_emulation_prevention(ByteSpan nal) {
  Bytes out;
  int zeros = 0;
  for (const std::byte value : nal) {
    if (zeros >= 2 && value == std::byte{3}) {
      zeros = 0;
      continue;
    }
    out.push_back(value);
    zeros = value == std::byte{0} ? zeros + 1 : 0;
  }
  return out;
}

}  // namespace

Bytes mark_nal_unit(const PictureMark& mark) {
  Bytes raw;
  ByteWriter(raw)
      .u8(kSeiHeader)
      .u8(kUserDataUnregistered)
      .u8(kPayloadBytes)
      .text(kUuid)
      .u64(mark.number)
      .u64(static_cast<std::uint64_t>(mark.wall_time.count()))
      .u32(mark.rtp_timestamp)
      .u32(mark.camera)
      .u8(0x80);  // rbsp_trailing_bits
  return with_emulation_prevention(raw);
}

std::optional<PictureMark> read_mark(ByteSpan nal_unit) {
  const Bytes raw = without_emulation_prevention(nal_unit);
  Cursor cursor(raw);
  if (cursor.u8() != kSeiHeader || cursor.u8() != kUserDataUnregistered ||
      cursor.u8() != kPayloadBytes) {
    return std::nullopt;
  }
  const auto uuid = cursor.take(kUuid.size());
  if (!uuid || as_text(*uuid) != kUuid) return std::nullopt;
  const auto number = cursor.u64();
  const auto wall = cursor.u64();
  const auto timestamp = cursor.u32();
  const auto camera = cursor.u32();
  if (!number || !wall || !timestamp || !camera) return std::nullopt;
  return PictureMark{*number, std::chrono::microseconds(static_cast<std::int64_t>(*wall)),
                     *timestamp, *camera};
}

}  // namespace longtake::camsim
