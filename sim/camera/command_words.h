#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longtake::camsim {

/// Splits at spaces and tabs.
std::vector<std::string_view> split_words(std::string_view line);
/// "10s", "500ms", "2m", "1h", "+3600s", "-5s"; a number without a unit is seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// `\xHH` becomes that byte; everything else stays as it is.
std::string unescape(std::string_view text);
/// A decimal number without anything around it.
std::optional<double> parse_number(std::string_view text);
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace longtake::camsim
