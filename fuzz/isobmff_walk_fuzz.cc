// A whole file: the walk ends, never beyond the file, and each fragment it believes is one after the other. Verify and
// the index reader see the same bytes.
#include <cstdlib>

#include "isobmff/reader.h"
#include "isobmff/span_file.h"
#include "isobmff/verify.h"

using longtake::ByteSpan;
namespace isobmff = longtake::isobmff;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes = std::as_bytes(std::span(data, size));
  for (const isobmff::Check check : {isobmff::Check::kRecords, isobmff::Check::kAll}) {
    const auto walked = isobmff::walk(bytes, check);
    if (!walked) continue;
    std::uint64_t end = walked->index.init_bytes;
    for (const auto& entry : walked->index.fragments) {
      if (entry.offset_bytes != end) std::abort();
      end += entry.size_bytes;
    }
    if (end != walked->stop_bytes || end > size) std::abort();
  }
  isobmff::SpanFile file(bytes);
  (void)isobmff::read_index(file);
  (void)isobmff::verify(file);
  return 0;
}
