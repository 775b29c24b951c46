// Whatever parses as an init segment is written back and parses as the same tracks.
#include <cstdlib>

#include "isobmff/init.h"

using longtake::ByteSpan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  const auto init = longtake::isobmff::parse_init(bytes);
  if (!init) return 0;
  if (init->bytes > size) std::abort();
  const auto written = longtake::isobmff::make_init(init->tracks);
  if (!written) return 0;
  const auto again = longtake::isobmff::parse_init(*written);
  if (!again || again->tracks.size() != init->tracks.size()) std::abort();
  for (std::size_t i = 0; i < init->tracks.size(); ++i) {
    if (*again->tracks[i] != *init->tracks[i]) std::abort();
  }
  return 0;
}
