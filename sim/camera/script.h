#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace longtake::camsim {

/// Commands at times since the start, one a line:
///   12.5s front drop
///   every 2s times 500 front drop      (the first after 2 s; without `times`, for ever)
///   # a comment
class Script {
 public:
  /// All lines or the first that is wrong, by number.
  static Result<Script> parse(std::string_view text);

  /// Takes the commands due at `elapsed` since the start, in order of their times.
  std::vector<std::string> take_due(std::chrono::milliseconds elapsed);
  /// When the next is due; nothing when all are done.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next_due() const;

 private:
  struct Line {
    std::size_t number = 0;  // in the file, from 1
    std::chrono::milliseconds at{};
    std::optional<std::chrono::milliseconds> every;
    std::optional<std::uint64_t> times_left;
    std::string command;
  };
  static std::optional<Line> parse_line(std::string_view text);

  std::vector<Line> lines_;
};

}  // namespace longtake::camsim
