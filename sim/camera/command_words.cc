#include "sim/camera/command_words.h"

#include <charconv>
#include <cmath>

namespace longtake::camsim {

std::vector<std::string_view> split_words(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto end = line.find_first_of(" \t\r");
    words.push_back(line.substr(0, end));
    line.remove_prefix(words.back().size());
  }
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text.substr(i).starts_with("\\x") && i + 4 <= text.size()) {
      const auto [end, error] = std::from_chars(&text[i + 2], &text[i + 2] + 2, byte, 16);
      if (error == std::errc{} && end == &text[i + 2] + 2) {
        out += static_cast<char>(byte);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double unit_ms = 1000;
  if (text.ends_with("ms")) {
    unit_ms = 1;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
  } else if (text.ends_with('m')) {
    unit_ms = 60'000;
    text.remove_suffix(1);
  } else if (text.ends_with('h')) {
    unit_ms = 3'600'000;
    text.remove_suffix(1);
  }
  const auto value = parse_number(text);
  constexpr double kHundredYearsMs = 3.2e12;
  if (!value || std::abs(*value * unit_ms) > kHundredYearsMs) return std::nullopt;
  return std::chrono::milliseconds(std::llround(*value * unit_ms));
}

}  // namespace longtake::camsim
