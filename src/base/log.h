#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"

namespace longtake::base {

/// error: video is being lost or a person must act. warning: degraded, will heal itself. info: a
/// change of state an operator would want at 3 a.m. debug: per segment. trace: per access unit.
enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError };

Result<LogLevel> parse_log_level(std::string_view name);

/// One `key=value` of a line. Values are escaped and cut at 1 KiB when written.
struct LogField {
  LogField(std::string_view name, std::string text) : key(name), value(std::move(text)) {}
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  LogField(std::string_view name, bool flag) : key(name), value(flag ? "true" : "false") {}
  LogField(std::string_view name, std::integral auto number)
      : key(name), value(std::to_string(number)) {}
  LogField(std::string_view name, WallTime time) : key(name), value(to_string(time)) {}
  template <class Rep, class Period>
  LogField(std::string_view name, std::chrono::duration<Rep, Period> span)
      : key(name), value(to_short_string(std::chrono::duration_cast<microseconds>(span))) {}

  std::string_view key;
  std::string value;
};

/// Where events go. Lines are logfmt: `time level event key=value ...`.
///
/// Thread     every method from any thread; never blocks on a slow reader (the oldest lines are
///            dropped, counted).
class Logger {
 public:
  virtual ~Logger() = default;
  [[nodiscard]] virtual bool is_enabled(LogLevel level) const = 0;
  virtual void write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) = 0;
};

/// Standard error, through spdlog's asynchronous queue.
std::unique_ptr<Logger> make_stderr_logger(LogLevel level);
/// The same to any descriptor, which it borrows. What is queued is written before it is destroyed;
/// a reader that does not read is then waited for 2 s at most.
std::unique_ptr<Logger> make_descriptor_logger(int descriptor, LogLevel level);
/// Swallows everything; for tests.
Logger& null_logger();

/// The logfmt form of one value: bare if plain, else quoted with control bytes escaped; at most 1
/// KiB.
std::string escape_log_value(std::string_view value);

}  // namespace longtake::base

/// LT_LOG(logger, kInfo, "segment.closed", {"recording", name}, {"bytes", bytes});
#define LT_LOG(logger, level, event, ...)                                        \
  do {                                                                           \
    if ((logger).is_enabled(::longtake::base::LogLevel::level)) {                \
      (logger).write(::longtake::base::LogLevel::level, (event), {__VA_ARGS__}); \
    }                                                                            \
  } while (false)
