#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "sim/camera/media_file.h"

namespace longtake::camsim {

/// How a camera cuts its pictures into packets.
struct PacketLayout {
  std::size_t max_payload_bytes = 1400;  // RTP payload of one packet
  bool aggregate = true;                 // parameter sets and delimiters travel in one STAP-A
};

/// What differs between two sendings of the same packet.
struct PacketIdentity {
  std::uint8_t channel = 0;  // RTSP interleaved channel
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};

/// A picture or audio frame cut into interleaved RTP packets once, to be copied and stamped per
/// client.
struct PacketTemplate {
  Bytes bytes;  // '$' frames back to back; the fields of PacketIdentity are zero
  std::vector<std::size_t> packets;  // where each '$' stands
  std::size_t mark_before = 0;       // the picture's mark goes before this packet

  [[nodiscard]] ByteSpan packet(std::size_t index) const {
    const std::size_t end = index + 1 < packets.size() ? packets[index + 1] : bytes.size();
    return ByteSpan(bytes).subspan(packets[index], end - packets[index]);
  }
};

/// The packets of one picture: single NAL unit, STAP-A and FU-A packets (RFC 6184 §5.6–5.8); the
/// last has the marker bit.
PacketTemplate packetize_picture(std::span<const ByteSpan> nal_units, const PacketLayout& layout);
/// One single NAL unit packet without marker bit.
PacketTemplate packetize_mark(ByteSpan nal_unit);
/// One AAC frame in one packet, mode AAC-hbr (RFC 3640 §3.3.6).
PacketTemplate packetize_audio(ByteSpan frame);

/// Fills in the five fields of an interleaved packet that a template leaves zero; keeps the marker
/// bit.
void stamp(std::span<std::byte> packet, const PacketIdentity& identity);

/// A media file with its packets, shared by every camera that plays it with the same layout.
struct PacketizedMedia {
  MediaFilePtr file;
  PacketLayout layout;
  std::vector<PacketTemplate> pictures;
  std::vector<PacketTemplate> audio;
};
using PacketizedMediaPtr = std::shared_ptr<const PacketizedMedia>;

PacketizedMediaPtr packetize(MediaFilePtr file, const PacketLayout& layout);

inline constexpr std::size_t kInterleavedHeaderBytes = 4;
inline constexpr std::size_t kRtpHeaderBytes = 12;

}  // namespace longtake::camsim
