#include "sim/camera/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sim/camera/command_words.h"

namespace longtake::camsim {

std::optional<Script::Line> Script::parse_line(std::string_view text) {
  const auto words = split_words(text);
  Line line;
  std::size_t command = 1;
  if (words[0] == "every") {
    if (words.size() < 3) return std::nullopt;
    line.every = parse_duration(words[1]);
    command = 2;
    if (!line.every || *line.every <= std::chrono::milliseconds(0)) return std::nullopt;
    line.at = *line.every;
    if (words[2] == "times") {
      if (words.size() < 5) return std::nullopt;
      line.times_left = parse_count(words[3]);
      command = 4;
      if (line.times_left.value_or(0) == 0) return std::nullopt;
    }
  } else {
    const auto at = parse_duration(words[0]);
    if (!at || *at < std::chrono::milliseconds(0)) return std::nullopt;
    line.at = *at;
  }
  if (words.size() <= command) return std::nullopt;
  line.command = fmt::format(
      "{}", fmt::join(words.begin() + static_cast<std::ptrdiff_t>(command), words.end(), " "));
  return line;
}

Result<Script> Script::parse(std::string_view text) {
  Script script;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = line.substr(0, line.find('#'));
    if (split_words(line).empty()) continue;
    auto parsed = parse_line(line);
    if (!parsed) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}: \"{}\"; write \"TIME CAMERA COMMAND...\" or \"every TIME "
                              "[times N] CAMERA COMMAND...\"",
                              number, line));
    }
    parsed->number = number;
    script.lines_.push_back(std::move(*parsed));
  }
  return script;
}

std::vector<std::string> Script::take_due(std::chrono::milliseconds elapsed) {
  std::ranges::sort(lines_, {}, [](const Line& line) { return std::pair(line.at, line.number); });
  std::vector<std::string> due;
  for (Line& line : lines_) {
    if (line.at > elapsed) break;
    due.push_back(line.command);
    if (line.every) line.at += *line.every;
    if (!line.every || (line.times_left && --*line.times_left == 0)) line.command.clear();
  }
  std::erase_if(lines_, [](const Line& line) { return line.command.empty(); });
  return due;
}

std::optional<std::chrono::milliseconds> Script::next_due() const {
  if (lines_.empty()) return std::nullopt;
  return std::ranges::min_element(lines_, {}, &Line::at)->at;
}

}  // namespace longtake::camsim
