#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <utility>

namespace longtake::base {
namespace {

constexpr std::size_t kValueBytes = 1024;
constexpr std::size_t kQueuedLines = 8192;
constexpr nanoseconds kDrainDeadline = std::chrono::seconds(2);

constexpr std::array kLevelNames{
    std::pair(LogLevel::kTrace, std::string_view("trace")),
    std::pair(LogLevel::kDebug, std::string_view("debug")),
    std::pair(LogLevel::kInfo, std::string_view("info")),
    std::pair(LogLevel::kWarning, std::string_view("warning")),
    std::pair(LogLevel::kError, std::string_view("error")),
};

std::string_view level_name(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)].second;
}

WallTime wall_now() { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }

std::string make_line(LogLevel level, std::string_view event,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{} {} {}", to_string(wall_now()), level_name(level), event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += escape_log_value(field.value);
  }
  line += '\n';
  return line;
}

/// Bytes of the well-formed UTF-8 sequence at the front of `text` (RFC 3629 §4), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return is_tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool is_overlong = lead == 0xe0 && byte(1) < 0xa0;
    const bool is_surrogate = lead == 0xed && byte(1) > 0x9f;
    return is_tail(1) && is_tail(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool is_overlong = lead == 0xf0 && byte(1) < 0x90;
    const bool is_too_large = lead == 0xf4 && byte(1) > 0x8f;
    return is_tail(1) && is_tail(2) && is_tail(3) && !is_overlong && !is_too_large ? 4 : 0;
  }
  return 0;
}

bool is_bare(std::string_view value) {
  return !value.empty() && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '=' && c != '\\';
  });
}

/// One character as it stands inside quotes. C1 controls (U+0080 to U+009F) move terminals too.
std::string escape_character(std::string_view character, bool is_valid) {
  const auto byte = static_cast<unsigned char>(character.front());
  if (!is_valid || byte < 0x20 || byte == 0x7f) {
    switch (character.front()) {
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      default:
        return fmt::format("\\x{:02x}", byte);
    }
  }
  if (byte == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0) {
    return fmt::format("\\u00{:02x}", static_cast<unsigned char>(character[1]));
  }
  if (byte == '"' || byte == '\\') return std::string("\\") + character.front();
  return std::string(character);
}

/// Writes lines to a descriptor that may be a pipe nobody reads, and tells how many lines were lost
/// to that.
///
/// Thread     `log` on the queue's one thread; `stop_waiting_soon` from any.
class DescriptorSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit DescriptorSink(int descriptor) : descriptor_(descriptor) {}

  /// The pool joins its thread, which is this sink's, before it goes; sharing it could make that
  /// thread join itself.
  void watch(spdlog::details::thread_pool* pool) { pool_ = pool; }
  /// From now on a reader that does not read is waited for no longer than kDrainDeadline in all.
  void stop_waiting_soon() { closes_at_ = wait_clock_now() + kDrainDeadline.count(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::size_t dropped = pool_->overrun_counter();
    if (dropped != reported_dropped_) {
      const std::size_t count = dropped - std::exchange(reported_dropped_, dropped);
      write_all(make_line(LogLevel::kWarning, "log.dropped", {{"lines", count}}));
    }
    write_all({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  void write_all(std::string_view text) {
    while (!text.empty() && wait_writable()) {
      // At most PIPE_BUF bytes: a pipe that is writable takes so many without blocking (pipe(7)).
      const ssize_t done =
          ::write(descriptor_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
      if (done > 0) {
        text.remove_prefix(static_cast<std::size_t>(done));
      } else if (errno != EINTR && errno != EAGAIN) {
        return;  // nowhere left to report to
      }
    }
  }
  bool wait_writable() {
    for (;;) {
      pollfd waiting{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      const int ready = ::poll(&waiting, 1, 100);
      if (ready > 0) return true;
      if (ready == -1 && errno != EINTR) return false;
      const std::int64_t closes_at = closes_at_;
      if (closes_at != 0 && wait_clock_now() >= closes_at) return false;
    }
  }
  static std::int64_t wait_clock_now() {
    return nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  const int descriptor_;
  spdlog::details::thread_pool* pool_ = nullptr;
  std::size_t reported_dropped_ = 0;
  std::atomic<std::int64_t> closes_at_{0};  // ns of the steady clock; 0 = not closing
};

class DescriptorLogger final : public Logger {
 public:
  DescriptorLogger(int descriptor, LogLevel level)
      : level_(level),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        sink_(std::make_shared<DescriptorSink>(descriptor)),
        logger_(std::make_shared<spdlog::async_logger>(
            "longtake", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest)) {
    sink_->watch(pool_.get());
    logger_->set_level(spdlog::level::trace);
  }
  ~DescriptorLogger() override {
    sink_->stop_waiting_soon();
    logger_.reset();
    pool_.reset();  // writes what is queued, then joins
  }
  DescriptorLogger(const DescriptorLogger&) = delete;
  DescriptorLogger& operator=(const DescriptorLogger&) = delete;

  [[nodiscard]] bool is_enabled(LogLevel level) const override { return level >= level_; }
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    if (!is_enabled(level)) return;
    logger_->log(spdlog::level::info, spdlog::string_view_t(make_line(level, event, fields)));
  }

 private:
  const LogLevel level_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<DescriptorSink> sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

class NullLogger final : public Logger {
 public:
  [[nodiscard]] bool is_enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace

Result<LogLevel> parse_log_level(std::string_view name) {
  for (const auto& [level, level_text] : kLevelNames) {
    if (name == level_text) return level;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("log level {} is unknown; use trace, debug, info, warning or error",
                          escape_log_value(name)));
}

std::unique_ptr<Logger> make_descriptor_logger(int descriptor, LogLevel level) {
  return std::make_unique<DescriptorLogger>(descriptor, level);
}

std::unique_ptr<Logger> make_stderr_logger(LogLevel level) {
  return make_descriptor_logger(STDERR_FILENO, level);
}

Logger& null_logger() {
  static NullLogger logger;  // has no state
  return logger;
}

std::string escape_log_value(std::string_view value) {
  if (is_bare(value) && value.size() <= kValueBytes) return std::string(value);
  constexpr std::string_view kCut = "...";
  std::string out = "\"";
  while (!value.empty()) {
    const std::size_t length = utf8_length(value);
    const std::string_view character = value.substr(0, std::max<std::size_t>(1, length));
    const std::string escaped = escape_character(character, length != 0);
    value.remove_prefix(character.size());
    // Room for the closing quote always, for the mark of a cut unless this is the last character.
    const std::size_t reserve = value.empty() ? 1 : 1 + kCut.size();
    if (out.size() + escaped.size() + reserve > kValueBytes) {
      out += kCut;
      break;
    }
    out += escaped;
  }
  return out + '"';
}

}  // namespace longtake::base
