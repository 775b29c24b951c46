#include "sim/camera/packetizer.h"

#include <algorithm>

namespace longtake::camsim {
namespace {

constexpr std::uint8_t kStapA = 24;
constexpr std::uint8_t kFuA = 28;
constexpr std::byte kMarkerBit{0x80};
constexpr std::size_t kSecondRtpByte = kInterleavedHeaderBytes + 1;

ByteWriter open_packet(PacketTemplate& out, std::size_t payload_bytes) {
  out.packets.push_back(out.bytes.size());
  ByteWriter writer(out.bytes);
  writer.u8('$').u8(0).u16(static_cast<std::uint16_t>(kRtpHeaderBytes + payload_bytes));
  writer.u8(0x80).zeros(kRtpHeaderBytes - 1);
  return writer;
}

void append_fragments(PacketTemplate& out, ByteSpan nal, std::size_t max_payload) {
  const auto header = std::to_integer<std::uint8_t>(nal[0]);
  ByteSpan rest = nal.subspan(1);
  bool is_first = true;
  while (!rest.empty()) {
    const std::size_t size = std::min(rest.size(), max_payload - 2);
    const bool is_last = size == rest.size();
    open_packet(out, size + 2)
        .u8(static_cast<std::uint8_t>((header & 0xE0U) | kFuA))
        .u8(static_cast<std::uint8_t>((is_first ? 0x80U : 0U) | (is_last ? 0x40U : 0U) |
                                      (header & 0x1FU)))
        .bytes(rest.first(size));
    rest = rest.subspan(size);
    is_first = false;
  }
}

void append_nal_unit(PacketTemplate& out, ByteSpan nal, std::size_t max_payload) {
  if (nal.size() <= max_payload) {
    open_packet(out, nal.size()).bytes(nal);
  } else {
    append_fragments(out, nal, max_payload);
  }
}

void append_aggregate(PacketTemplate& out, std::span<const ByteSpan> nal_units) {
  std::size_t payload = 1;
  unsigned importance = 0;
  for (const ByteSpan nal : nal_units) {
    payload += 2 + nal.size();
    importance = std::max(importance, std::to_integer<unsigned>(nal[0]) & 0x60U);
  }
  ByteWriter writer = open_packet(out, payload);
  writer.u8(static_cast<std::uint8_t>(importance | kStapA));
  for (const ByteSpan nal : nal_units)
    writer.u16(static_cast<std::uint16_t>(nal.size())).bytes(nal);
}

// How many of the leading units (delimiter, parameter sets) fit into one STAP-A.
std::size_t count_aggregated(std::span<const ByteSpan> nal_units, std::size_t max_payload) {
  std::size_t payload = 1;
  std::size_t count = 0;
  for (const ByteSpan nal : nal_units) {
    const bool is_small_set =
        is(nal, NalType::kAud) || is(nal, NalType::kSps) || is(nal, NalType::kPps);
    if (!is_small_set || payload + 2 + nal.size() > max_payload) break;
    payload += 2 + nal.size();
    ++count;
  }
  return count;
}

}  // namespace

PacketTemplate packetize_picture(std::span<const ByteSpan> nal_units, const PacketLayout& layout) {
  PacketTemplate out;
  std::size_t next = layout.aggregate ? count_aggregated(nal_units, layout.max_payload_bytes) : 0;
  if (next >= 2) {
    append_aggregate(out, nal_units.first(next));
  } else {
    next = 0;
  }
  bool has_mark_place = false;
  for (; next < nal_units.size(); ++next) {
    if (!has_mark_place && is_slice(nal_units[next])) {
      out.mark_before = out.packets.size();
      has_mark_place = true;
    }
    append_nal_unit(out, nal_units[next], layout.max_payload_bytes);
  }
  out.bytes[out.packets.back() + kSecondRtpByte] |= kMarkerBit;
  return out;
}

PacketTemplate packetize_mark(ByteSpan nal_unit) {
  PacketTemplate out;
  append_nal_unit(out, nal_unit, nal_unit.size());
  return out;
}

PacketTemplate packetize_audio(ByteSpan frame) {
  PacketTemplate out;
  open_packet(out, 4 + frame.size())
      .u16(16)  // AU-headers-length, in bits
      .u16(static_cast<std::uint16_t>(frame.size() << 3U))
      .bytes(frame);
  out.bytes[kSecondRtpByte] |= kMarkerBit;
  return out;
}

void stamp(std::span<std::byte> packet, const PacketIdentity& identity) {
  const auto put = [packet](std::size_t at, std::uint32_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      packet[at + i] = static_cast<std::byte>(value >> (8 * (count - 1 - i)));
    }
  };
  packet[1] = static_cast<std::byte>(identity.channel);
  packet[kSecondRtpByte] =
      (packet[kSecondRtpByte] & kMarkerBit) | static_cast<std::byte>(identity.payload_type);
  put(6, identity.sequence, 2);
  put(8, identity.timestamp, 4);
  put(12, identity.ssrc, 4);
}

PacketizedMediaPtr packetize(MediaFilePtr file, const PacketLayout& layout) {
  auto media = std::make_shared<PacketizedMedia>();
  media->layout = layout;
  for (const Picture& picture : file->pictures) {
    media->pictures.push_back(packetize_picture(picture.nal_units, layout));
  }
  if (file->audio) {
    for (const Bytes& frame : file->audio->frames) media->audio.push_back(packetize_audio(frame));
  }
  media->file = std::move(file);
  return media;
}

}  // namespace longtake::camsim
