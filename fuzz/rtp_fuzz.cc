// RTP headers, sequences, sources and timestamps.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "rtsp/rtp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  longtake::rtsp::RtpSource source;
  longtake::rtsp::TimestampUnwrapper unwrapper;
  // Packets of one length byte each, so that sequences and sources can be played with.
  while (bytes.size() > 1) {
    const std::size_t size = std::min(std::to_integer<std::size_t>(bytes[0]), bytes.size() - 1);
    const auto datagram = bytes.subspan(1, size);
    bytes = bytes.subspan(1 + size);
    const auto packet = longtake::rtsp::parse_rtp(datagram);
    if (!packet) continue;
    LT_CHECK(packet->payload.size() <= datagram.size());
    const auto judged = source.judge(*packet, datagram);
    if (judged.verdict == longtake::rtsp::RtpSource::Verdict::kNewSource) {
      LT_CHECK(source.take_held().size() == 2);
    }
    (void)unwrapper.unwrap(packet->timestamp);
  }
  return 0;
}
