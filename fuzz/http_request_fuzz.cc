#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "server/http_request.h"
#include "server/range.h"

/// Whatever a client sends: the head is read or refused, and no path that is accepted leaves the tree.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto request = longtake::server::parse_head(text);
  if (request) {
    for (const auto& part : request->path)
      LT_CHECK(part != ".." && part.find('/') == std::string::npos);
    if (const auto range = request->field("range")) longtake::server::judge_range(*range, size);
  }
  const auto answer = longtake::server::judge_range(text, 1000);
  if (answer.range)
    LT_CHECK(answer.range->first + answer.range->length <= 1000 && answer.range->length > 0);
  return 0;
}
