// H.264 payloads in any order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "rtsp/h264_depacketizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  struct Judge final : longtake::media::ItemSink {
    void on_item(const longtake::media::Item& item) override {
      const auto* unit = std::get_if<longtake::media::AccessUnitPtr>(&item);
      if (unit == nullptr) return;
      LT_CHECK((*unit)->pts >= (*unit)->dts);
      LT_CHECK(!(*unit)->payload.empty());
      // A sample is NAL units, each behind its length, and nothing else.
      longtake::Cursor cursor((*unit)->payload);
      while (!cursor.is_at_end()) {
        const auto length = cursor.u32();
        LT_CHECK(length && *length > 0 && cursor.skip(*length));
      }
    }
  } sink;
  longtake::rtsp::H264Depacketizer depacketizer(1, 90'000, sink);
  depacketizer.take_sprop_parameter_sets("Z0LAFtkAoC/5cBEAAAMAAQAAAwAeDxYuSA==,aMuDyyA=");
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
