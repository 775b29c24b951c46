#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <optional>

namespace longtake {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a text from its front; what does not fit leaves it where it was.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }
  bool accept(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (!is_digit(c)) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  /// As many digits as there are; nothing if there are none or the value does not fit.
  std::optional<std::int64_t> number() {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < rest_.size() && is_digit(rest_[count]); ++count) {
      if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
      if (__builtin_add_overflow(value, rest_[count] - '0', &value)) return std::nullopt;
    }
    if (count == 0) return std::nullopt;
    rest_.remove_prefix(count);
    return value;
  }
  /// One to nine digits behind a decimal point, as microseconds, rounded down.
  std::optional<microseconds> fraction() {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < rest_.size() && is_digit(rest_[count]); ++count) {
      if (count < 6) value = value * 10 + (rest_[count] - '0');
    }
    if (count == 0 || count > 9) return std::nullopt;
    rest_.remove_prefix(count);
    for (std::size_t i = count; i < 6; ++i) value *= 10;
    return microseconds(value);
  }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::sys_days> read_date(Reader& in) {
  const auto year = in.digits(4);
  if (!year || !in.accept('-')) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.accept('-')) return std::nullopt;
  const auto day = in.digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<microseconds> read_time_of_day(Reader& in) {
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.accept(':')) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59 || !in.accept(':')) return std::nullopt;
  const auto second = in.digits(2);
  // 60 is a leap second (RFC 3339 §5.7); POSIX time has none, so it is the first of the next
  // minute.
  if (!second || *second > 60) return std::nullopt;
  microseconds fraction{0};
  if (in.accept('.')) {
    const auto read = in.fraction();
    if (!read) return std::nullopt;
    fraction = *read;
  }
  return hours(*hour) + minutes(*minute) + seconds(*second) + fraction;
}

/// How far local time is ahead of UTC.
std::optional<minutes> read_offset(Reader& in) {
  if (in.accept('Z') || in.accept('z')) return minutes(0);
  const bool is_behind = in.accept('-');
  if (!is_behind && !in.accept('+')) return std::nullopt;
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.accept(':')) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  const minutes offset = hours(*hour) + minutes(*minute);
  return is_behind ? -offset : offset;
}

std::optional<WallTime> read_wall_time(Reader& in) {
  const auto date = read_date(in);
  if (!date || !(in.accept('T') || in.accept('t'))) return std::nullopt;
  const auto time_of_day = read_time_of_day(in);
  if (!time_of_day) return std::nullopt;
  const auto offset = read_offset(in);
  if (!offset || !in.is_at_end()) return std::nullopt;
  return WallTime(date->time_since_epoch()) + *time_of_day - *offset;
}

struct Unit {
  char letter;
  microseconds length;
};
// In the order in which ISO 8601 wants them; the first belongs before the `T`, the others behind
// it.
constexpr std::array kIsoUnits{Unit{'D', days(1)}, Unit{'H', hours(1)}, Unit{'M', minutes(1)},
                               Unit{'S', seconds(1)}};
constexpr std::array kShortUnits{Unit{'s', seconds(1)}, Unit{'m', minutes(1)}, Unit{'h', hours(1)},
                                 Unit{'d', days(1)}, Unit{'w', days(7)}};

bool add_scaled(std::int64_t& total_us, std::int64_t count, microseconds unit) {
  std::int64_t part = 0;
  return !__builtin_mul_overflow(count, std::int64_t{unit.count()}, &part) &&
         !__builtin_add_overflow(total_us, part, &total_us);
}

/// What follows the `P`: "1DT2H3M4.5S", each unit at most once, a fraction only in seconds.
std::optional<microseconds> read_iso_duration(Reader& in) {
  std::int64_t total_us = 0;
  std::size_t next = 0;  // the first of kIsoUnits that may still come
  bool is_time_part = false;
  bool has_component = false;
  while (!in.is_at_end()) {
    if (!is_time_part && in.accept('T')) {
      is_time_part = true;
      if (in.is_at_end()) return std::nullopt;
    }
    const auto number = in.number();
    if (!number) return std::nullopt;
    std::optional<microseconds> fraction;
    if (in.accept('.') || in.accept(',')) {
      fraction = in.fraction();
      if (!fraction) return std::nullopt;
    }
    while (next < kIsoUnits.size() && !in.accept(kIsoUnits[next].letter)) ++next;
    if (next == kIsoUnits.size() || (next > 0) != is_time_part) return std::nullopt;
    const Unit& unit = kIsoUnits[next++];
    if (fraction && unit.letter != 'S') return std::nullopt;
    if (!add_scaled(total_us, *number, unit.length)) return std::nullopt;
    if (!add_scaled(total_us, 1, fraction.value_or(microseconds(0)))) return std::nullopt;
    has_component = true;
  }
  if (!has_component) return std::nullopt;
  return microseconds(total_us);
}

std::optional<microseconds> read_short_duration(Reader& in) {
  const auto number = in.number();
  if (!number) return std::nullopt;
  for (const Unit& unit : kShortUnits) {
    if (!in.accept(unit.letter)) continue;
    std::int64_t total_us = 0;
    if (!in.is_at_end() || !add_scaled(total_us, *number, unit.length)) return std::nullopt;
    return microseconds(total_us);
  }
  return std::nullopt;
}

/// "2h 5m", or "2h" when nothing of the smaller unit is left.
std::string two_units(std::uint64_t large, char large_letter, std::uint64_t small,
                      char small_letter) {
  if (small == 0) return fmt::format("{}{}", large, large_letter);
  return fmt::format("{}{} {}{}", large, large_letter, small, small_letter);
}

/// Three figures are what a person compares: "1.50s", "30.0s". Rounded down.
std::string unsigned_short_string(std::uint64_t us) {
  if (us < 1'000) return fmt::format("{}us", us);
  if (us < 1'000'000) return fmt::format("{}ms", us / 1'000);
  if (us < 10'000'000) return fmt::format("{}.{:02}s", us / 1'000'000, us / 10'000 % 100);
  const std::uint64_t s = us / 1'000'000;
  if (s < 60) return fmt::format("{}.{}s", s, us / 100'000 % 10);
  if (s < 3'600) return two_units(s / 60, 'm', s % 60, 's');
  if (s < 86'400) return two_units(s / 3'600, 'h', s / 60 % 60, 'm');
  return two_units(s / 86'400, 'd', s / 3'600 % 24, 'h');
}

/// What the operator wrote, for a message: short, and without bytes that a terminal obeys.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > 40) out += "...";
  return out + '"';
}

}  // namespace

std::string to_string(WallTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::int64_t ms = std::chrono::floor<milliseconds>(time - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     ms / 3'600'000, ms / 60'000 % 60, ms / 1'000 % 60, ms % 1'000);
}

std::string to_day(WallTime time) {
  const std::chrono::year_month_day date(std::chrono::floor<days>(time));
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

Result<WallTime> parse_wall_time(std::string_view text) {
  Reader in(text);
  if (const auto time = read_wall_time(in)) return *time;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is not a time; write it like 2026-01-31T12:34:56Z or "
                          "2026-01-31T13:34:56.789+01:00",
                          quoted(text)));
}

Result<microseconds> parse_duration(std::string_view text) {
  Reader in(text);
  const auto duration = in.accept('P') ? read_iso_duration(in) : read_short_duration(in);
  if (duration) return *duration;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is not a duration; write it like PT30S, P7D, 30s, 5m, 12h, 7d or 2w",
                          quoted(text)));
}

std::string to_short_string(microseconds duration) {
  const auto us = static_cast<std::uint64_t>(duration.count());
  if (duration < microseconds::zero()) return "-" + unsigned_short_string(0 - us);
  return unsigned_short_string(us);
}

}  // namespace longtake
