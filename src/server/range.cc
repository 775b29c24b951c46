#include "server/range.h"

#include <algorithm>
#include <charconv>

namespace longtake::server {
namespace {

/// Digits only; a number beyond 64 bits means "behind every end".
std::optional<std::uint64_t> number_of(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : UINT64_MAX;
}

}  // namespace

RangeAnswer judge_range(std::string_view header, std::uint64_t size_bytes) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return {};
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (header.contains(',') || dash == std::string_view::npos) return {};
  const std::string_view first_text = header.substr(0, dash);
  const std::string_view last_text = header.substr(dash + 1);
  const auto first = number_of(first_text);
  const auto last = number_of(last_text);

  if (first_text.empty()) {  // the last N bytes
    if (!last) return {};
    if (*last == 0 || size_bytes == 0) return {.is_unsatisfiable = true, .range = {}};
    const std::uint64_t length = std::min(*last, size_bytes);
    return {.is_unsatisfiable = false, .range = ByteRange{size_bytes - length, length}};
  }
  if (!first || (!last_text.empty() && (!last || *last < *first))) return {};
  if (*first >= size_bytes) return {.is_unsatisfiable = true, .range = {}};
  const std::uint64_t end = last_text.empty() ? size_bytes : std::min(*last, size_bytes - 1) + 1;
  return {.is_unsatisfiable = false, .range = ByteRange{*first, end - *first}};
}

}  // namespace longtake::server
