#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "codec/test_hex.h"
#include "media/item.h"

/// What the tests of this folder share: a sink that remembers, and a packetizer that is the
/// depacketizers' mirror.
namespace longtake::rtsp::test {

inline MonotonicTime at(nanoseconds since_start) {
  return MonotonicTime(seconds(1000) + since_start);
}

class RecordingSink final : public media::ItemSink {
 public:
  void on_item(const media::Item& item) override { items.push_back(item); }

  template <class T>
  [[nodiscard]] std::vector<T> all() const {
    std::vector<T> out;
    for (const media::Item& item : items) {
      if (const T* one = std::get_if<T>(&item)) out.push_back(*one);
    }
    return out;
  }
  [[nodiscard]] std::vector<media::AccessUnitPtr> units() const {
    return all<media::AccessUnitPtr>();
  }

  std::vector<media::Item> items;
};

inline const Bytes kSps =
    codec::hex("6742c016d900a02ff970110000030001000003001e0f162e48");  // Baseline 640x360
inline const Bytes kPps = codec::hex("68cb83cb20");
inline const Bytes kOtherSps =
    codec::hex("6742c028d900780227e5c044000003000400000300783c60c920");  // 1920x1080
/// As sprop-parameter-sets has them.
inline constexpr std::string_view kSprop = "Z0LAFtkAoC/5cBEAAAMAAQAAAwAeDxYuSA==,aMuDyyA=";

/// A slice NAL unit that starts a picture: type 5 (IDR) or 1, `size` bytes, its body filled from
/// `seed`.
inline Bytes slice(std::uint8_t type, std::size_t size, unsigned seed = 0) {
  Bytes nal(size, std::byte{0x55});
  nal[0] = static_cast<std::byte>(0x60U | type);
  if (size > 1) nal[1] = std::byte{0x88};
  for (std::size_t i = 2; i < size; ++i) nal[i] = static_cast<std::byte>((i * 7 + seed) & 0xffU);
  return nal;
}
inline Bytes idr(std::size_t size = 20, unsigned seed = 0) { return slice(5, size, seed); }
inline Bytes inter(std::size_t size = 10, unsigned seed = 0) { return slice(1, size, seed); }

/// A sample of an MP4 holding these NAL units.
inline Bytes sample_of(const std::vector<Bytes>& nals) {
  Bytes out;
  for (const Bytes& nal : nals)
    ByteWriter(out).u32(static_cast<std::uint32_t>(nal.size())).bytes(nal);
  return out;
}

struct RtpHeader {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool has_marker = false;
  std::uint32_t ssrc = 0x11223344;
  std::uint8_t payload_type = 96;
};

inline Bytes rtp_packet(const RtpHeader& header, ByteSpan payload) {
  Bytes out;
  ByteWriter(out)
      .u8(0x80)
      .u8(static_cast<std::uint8_t>((header.has_marker ? 0x80U : 0U) | header.payload_type))
      .u16(header.sequence)
      .u32(header.timestamp)
      .u32(header.ssrc)
      .bytes(payload);
  return out;
}

inline Bytes frame(std::uint8_t channel, ByteSpan payload) {
  Bytes out;
  ByteWriter(out)
      .u8('$')
      .u8(channel)
      .u16(static_cast<std::uint16_t>(payload.size()))
      .bytes(payload);
  return out;
}

inline Bytes fu_a(ByteSpan nal, std::size_t from, std::size_t count) {
  const auto header = std::to_integer<unsigned>(nal[0]);
  const bool is_start = from == 1;
  const bool is_end = from + count == nal.size();
  Bytes out;
  ByteWriter(out)
      .u8(static_cast<std::uint8_t>((header & 0xe0U) | 28U))
      .u8(static_cast<std::uint8_t>((is_start ? 0x80U : 0U) | (is_end ? 0x40U : 0U) |
                                    (header & 0x1fU)))
      .bytes(nal.subspan(from, count));
  return out;
}

inline Bytes stap_a(const std::vector<Bytes>& nals) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(0x78);
  for (const Bytes& nal : nals) writer.u16(static_cast<std::uint16_t>(nal.size())).bytes(nal);
  return out;
}

/// RTP payloads of one access unit as RFC 6184 has them, none above `mtu` bytes.
inline std::vector<Bytes> payloads_of(const std::vector<Bytes>& nals, std::size_t mtu) {
  std::vector<Bytes> out;
  for (const Bytes& nal : nals) {
    if (nal.size() <= mtu) {
      out.push_back(nal);
      continue;
    }
    for (std::size_t from = 1; from < nal.size(); from += mtu - 2) {
      out.push_back(fu_a(nal, from, std::min(mtu - 2, nal.size() - from)));
    }
  }
  return out;
}

}  // namespace longtake::rtsp::test
