// The fuzzer cannot guess a CRC: it is made right first. What then reads as a record is written back as the same bytes, but
// for flags and reserved bytes of later versions and for what lies in the padding.
#include <algorithm>
#include <cstdlib>

#include "base/crc32c.h"
#include "isobmff/record.h"

using longtake::Bytes;
using longtake::ByteSpan;
using longtake::ByteWriter;
using longtake::Cursor;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan input = std::as_bytes(std::span(data, size));
  Bytes bytes(input.begin(), input.end());
  const std::size_t box = std::min<std::size_t>(Cursor(bytes).u32().value_or(0), size);
  if (box > 4)
    ByteWriter(bytes).patch_u32(box - 4, longtake::base::crc32c(ByteSpan(bytes).first(box - 4)));
  auto record = longtake::isobmff::read_record(bytes, 1000);
  if (!record) return 0;
  if (!longtake::isobmff::is_whole(record->entry)) std::abort();
  Bytes written;
  longtake::isobmff::encode_record(*record, written);
  const auto again = longtake::isobmff::read_record(written, 1000);
  if (!again || again->entry != record->entry || again->number != record->number) std::abort();
  return 0;
}
