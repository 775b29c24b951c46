#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace longtake::server {

/// Part of a body: `[first, first + length)` in bytes.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a Range header means for a body of `size_bytes`.
struct RangeAnswer {
  bool is_unsatisfiable = false;   // 416
  std::optional<ByteRange> range;  // 206; nothing: 200 with all of it
  friend bool operator==(const RangeAnswer&, const RangeAnswer&) = default;
};

/// One range is served; several, or anything that is no byte range, are answered with the whole body, so that nothing a
/// client writes makes the answer larger than the file.
///
/// Source     RFC 9110 §14.1.2, §14.2.
RangeAnswer judge_range(std::string_view header, std::uint64_t size_bytes);

}  // namespace longtake::server
