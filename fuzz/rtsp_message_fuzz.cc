// RTSP messages in pieces of any size.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "rtsp/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  longtake::rtsp::MessageParser parser;
  // The first byte sets the size of the pieces, so that every seam is met.
  const std::size_t step = bytes.empty() ? 1 : 1 + std::to_integer<std::size_t>(bytes[0]);
  while (!bytes.empty()) {
    const auto taken = parser.consume(bytes.first(std::min(step, bytes.size())));
    if (!taken) break;
    bytes = bytes.subspan(*taken);
    if (parser.is_complete()) (void)parser.take().header("CSeq");
  }
  return 0;
}
