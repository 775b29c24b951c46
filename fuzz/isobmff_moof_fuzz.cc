// The head of a fragment: the samples it tells fill its mdat.
#include <cstdlib>

#include "isobmff/samples.h"

using longtake::ByteSpan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto fragment = longtake::isobmff::read_samples(std::as_bytes(std::span(data, size)));
  if (!fragment) return 0;
  std::uint64_t offset = size;
  for (const auto& sample : fragment->samples) {
    if (sample.offset_bytes != offset || sample.composition_ticks < 0 || sample.decode_ticks < 0)
      std::abort();
    offset += sample.size_bytes;
  }
  if (offset - size + 8 != fragment->mdat_bytes || fragment->decode_time_position + 8 > size)
    std::abort();
  return 0;
}
