// Framing of an RTSP connection.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "rtsp/interleaved.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  using Kind = longtake::rtsp::InterleavedScanner::Kind;
  longtake::rtsp::InterleavedScanner scanner;
  scanner.set_known_channel(0);
  scanner.set_known_channel(1);
  while (!bytes.empty()) {
    const auto found = scanner.next(bytes);
    if (found.kind == Kind::kNeedMore) break;
    const std::size_t size =
        found.kind == Kind::kMessage ? 1 : found.size;  // as a parser would take some
    LT_CHECK(size > 0 && size <= bytes.size());
    bytes = bytes.subspan(size);
  }
  return 0;
}
