#include "base/time.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <limits>
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
  // 60 is a leap second (RFC 3339 §5.7); POSIX time has none, so it is the first of the next minute.
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
constexpr std::array kIsoDateUnits{Unit{'D', days(1)}};
constexpr std::array kIsoTimeUnits{Unit{'H', hours(1)}, Unit{'M', minutes(1)}, Unit{'S', seconds(1)}};
constexpr std::array kShortUnits{Unit{'s', seconds(1)}, Unit{'m', minutes(1)}, Unit{'h', hours(1)},
                                 Unit{'d', days(1)}, Unit{'w', days(7)}};

bool add_scaled(std::int64_t& total_us, std::int64_t count, microseconds unit) {
  std::int64_t part = 0;
  return !__builtin_mul_overflow(count, static_cast<std::int64_t>(unit.count()), &part) &&
         !__builtin_add_overflow(total_us, part, &total_us);
}

/// Reads "1H30M0.5S": each unit at most once, in the order given. False when something is malformed.
bool read_iso_units(Reader& in, std::span<const Unit> units, std::int64_t& total_us, int& count) {
  while (!in.is_at_end()) {
    if (units.front().letter == 'D' && in.accept('T')) {
      // A designator must be followed by at least one time unit.
      return !in.is_at_end() && read_iso_units(in, kIsoTimeUnits, total_us, count);
    }
    const auto number = in.number();
    if (!number) return false;
    microseconds fraction{0};
    bool has_fraction = false;
    if (in.accept('.') || in.accept(',')) {
      const auto read = in.fraction();
      if (!read) return false;
      fraction = *read;
      has_fraction = true;
    }
    while (!units.empty() && !in.accept(units.front().letter)) units = units.subspan(1);
    if (units.empty() || (has_fraction && units.front().letter != 'S')) return false;
    if (!add_scaled(total_us, *number, units.front().length)) return false;
    if (!add_scaled(total_us, 1, fraction)) return false;
    ++count;
    if (units.front().letter != 'D') units = units.subspan(1);
    if (units.empty()) return in.is_at_end();
    if (units.front().letter == 'D' && !in.is_at_end() && !in.accept('T')) return false;
    if (units.front().letter == 'D' && !in.is_at_end()) units = kIsoTimeUnits;
  }
  return count > 0;
}

}  // namespace
}  // namespace longtake
