#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Text as RTSP, SDP and HTTP authentication use it: ASCII, case folded where the standard says so.
namespace longtake::rtsp {

bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
/// Without blanks, tabs and line ends at both ends.
std::string_view trimmed(std::string_view text);
/// Splits at the first `separator`; the second part is empty without one.
struct Halves {
  std::string_view before;
  std::string_view after;
};
Halves split_once(std::string_view text, char separator);
/// Takes the part up to the next `separator` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator);
/// Decimal digits only, the whole text; nothing on overflow.
std::optional<std::uint32_t> parse_number(std::string_view text);
/// Foreign text fit for a message: bytes outside printable ASCII become '?', at most 200 of them
/// (SEC-24).
std::string printable(std::string_view foreign);

}  // namespace longtake::rtsp
