// Mpeg4-generic payloads in any format.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "rtsp/aac_depacketizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  struct Judge final : longtake::media::ItemSink {
    void on_item(const longtake::media::Item& item) override {
      const auto* unit = std::get_if<longtake::media::AccessUnitPtr>(&item);
      if (unit == nullptr) return;
      LT_CHECK((*unit)->pts >= (*unit)->dts);
      LT_CHECK(!(*unit)->payload.empty());
    }
  } sink;
  if (bytes.size() < 2) return 0;
  // The first two bytes set the lengths of the header's fields.
  longtake::rtsp::AacDepacketizer::Format format;
  format.config = *longtake::codec::aac::make_lc_config(16'000, 1);
  format.audio = *longtake::codec::aac::parse_audio_config(format.config);
  format.clock_rate_hz = 16'000;
  format.size_bits = 1 + std::to_integer<int>(bytes[0]) % 16;
  format.index_bits = std::to_integer<int>(bytes[1]) % 17;
  format.index_delta_bits = std::to_integer<int>(bytes[1]) / 17 % 17;
  bytes = bytes.subspan(2);
  longtake::rtsp::AacDepacketizer depacketizer(2, format, sink);
  // Each packet: one byte of flags (marker, loss, new source, time step), one of length, the payload.
  std::int64_t timestamp = 1'000'000;
  while (bytes.size() > 2) {
    const auto flags = std::to_integer<unsigned>(bytes[0]);
    const std::size_t size = std::min(std::to_integer<std::size_t>(bytes[1]), bytes.size() - 2);
    longtake::rtsp::RtpPacket packet;
    packet.has_marker = (flags & 1U) != 0;
    packet.payload = bytes.subspan(2, size);
    bytes = bytes.subspan(2 + size);
    if ((flags & 4U) != 0) depacketizer.on_new_source();
    timestamp += static_cast<std::int64_t>(flags >> 3U) * 3000 - 12'000;
    depacketizer.push(packet,
                      {.timestamp = timestamp, .received = {}, .is_after_loss = (flags & 2U) != 0});
  }
  return 0;
}
