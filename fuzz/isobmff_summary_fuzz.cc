// As a summary box whose CRC is made right first, and as the end of a file.
#include <cstdlib>

#include "base/crc32c.h"
#include "isobmff/closing.h"
#include "isobmff/span_file.h"

using longtake::Bytes;
using longtake::ByteSpan;
using longtake::ByteWriter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan input = std::as_bytes(std::span(data, size));
  longtake::isobmff::SpanFile file(input);
  (void)longtake::isobmff::read_closing(file);
  Bytes box(input.begin(), input.end());
  if (size > 4)
    ByteWriter(box).patch_u32(size - 4, longtake::base::crc32c(ByteSpan(box).first(size - 4)));
  const auto summary = longtake::isobmff::read_summary(box);
  if (!summary) return 0;
  const Bytes written = longtake::isobmff::encode_summary(summary->index, summary->last_record_crc);
  const auto again = longtake::isobmff::read_summary(written);
  if (!again || again->index.fragments != summary->index.fragments) std::abort();
  return 0;
}
