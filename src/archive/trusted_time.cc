#include "archive/trusted_time.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace longtake::archive {
namespace {

constexpr std::uint64_t kFileLimit = 256;
// Beyond these no machine wrote the file, and sums of times would leave 64 bits.
constexpr std::int64_t kYear10000Us = 253'402'300'800'000'000;
constexpr std::int64_t kCenturyOfUptimeNs = 3'155'760'000'000'000'000;

/// "WALL_US MONOTONIC_NS BOOT_ID\n"
struct Stored {
  WallTime wall;
  MonotonicTime at;
  std::string_view boot_id;
};

std::optional<Stored> parse(std::string_view text) {
  const auto number = [&]() -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data() + text.size() || *end != ' ')
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return value;
  };
  const auto wall_us = number();
  const auto monotonic_ns = wall_us ? number() : std::nullopt;
  if (!monotonic_ns || !text.ends_with('\n')) return std::nullopt;
  if (*wall_us < 0 || *wall_us >= kYear10000Us) return std::nullopt;
  if (*monotonic_ns < 0 || *monotonic_ns >= kCenturyOfUptimeNs) return std::nullopt;
  text.remove_suffix(1);
  return Stored{WallTime(microseconds(*wall_us)), MonotonicTime(nanoseconds(*monotonic_ns)), text};
}

}  // namespace

TrustedTime::TrustedTime(base::FileSystem& files, const base::Clock& clock, base::Logger& logger,
                         std::string boot_id)
    : files_(files), clock_(clock), logger_(logger), boot_id_(std::move(boot_id)) {
  const MonotonicTime now = clock_.now();
  trust(clock_.wall_now(), now);
  observed_at_ = now;
  quiet_until_ = now + kQuiet;
  load();
  judge(now, clock_.wall_now());
}

void TrustedTime::load() {
  const auto content = base::read_file(files_, kPath, kFileLimit);
  if (!content && content.error().code() == ErrorCode::kNotFound) return;  // the first start
  const auto stored = content ? parse(as_text(*content)) : std::nullopt;
  if (!stored) {
    has_reference_ = false;
    LT_LOG(logger_, kWarning, "trusted_time.unreadable", {"path", kPath},
           {"next", "nothing is deleted by age until the clock is confirmed"});
    return;
  }
  const MonotonicTime now = clock_.now();
  const bool is_same_boot = stored->boot_id == boot_id_ && now >= stored->at;
  const auto elapsed =
      is_same_boot ? std::chrono::floor<microseconds>(now - stored->at) : microseconds(0);
  trust(stored->wall + elapsed, now);
}

void TrustedTime::trust(WallTime wall, MonotonicTime now) {
  trusted_wall_ = wall;
  trusted_at_ = now;
}

void TrustedTime::observe() {
  const MonotonicTime now = clock_.now();
  if (now - observed_at_ > kAlive) quiet_until_ = now + kQuiet;
  observed_at_ = now;
  judge(now, clock_.wall_now());
  if (!is_suspect_ && (!persisted_at_ || now - *persisted_at_ >= kPersistEvery)) persist(now);
}

void TrustedTime::judge(MonotonicTime now, WallTime wall) {
  const auto boot = std::chrono::floor<microseconds>(now.time_since_epoch());
  const microseconds offset = wall.time_since_epoch() - boot;
  const WallTime expected = trusted_wall_ + std::chrono::floor<microseconds>(now - trusted_at_);
  const bool is_ahead = !has_reference_ || wall > expected + kTolerance;
  if (!is_ahead) {
    if (is_suspect_.exchange(false)) LT_LOG(logger_, kInfo, "clock.trusted", {"wall", wall});
    trust(wall, now);
    return;
  }
  // What the kernel said of the clock before it jumped does not count, nor before it jumped again.
  const bool has_jumped = !is_suspect_ || std::chrono::abs(offset - suspect_offset_) > kTolerance;
  if (has_jumped || !clock_.is_synchronised()) synchronised_since_ = now;
  if (has_jumped) suspect_offset_ = offset;
  if (!is_suspect_.exchange(true)) {
    LT_LOG(
        logger_, kWarning, "clock.suspect", {"wall", wall}, {"expected", expected},
        {"next",
         "nothing is deleted by age until the kernel calls the clock synchronised for 5 minutes"});
  }
  if (now - synchronised_since_ < kConfirmation) return;
  has_reference_ = true;
  is_suspect_ = false;
  trust(wall, now);
  LT_LOG(logger_, kInfo, "clock.trusted", {"wall", wall}, {"by", "kernel"});
}

std::optional<WallTime> TrustedTime::now_for_age() const {
  if (is_suspect_ || observed_at_ < quiet_until_) return std::nullopt;
  const WallTime trusted =
      trusted_wall_ + std::chrono::floor<microseconds>(observed_at_ - trusted_at_);
  return std::min(trusted, clock_.wall_now());
}

void TrustedTime::persist(MonotonicTime now) {
  const std::string line = fmt::format("{} {} {}\n", trusted_wall_.time_since_epoch().count(),
                                       trusted_at_.time_since_epoch().count(), boot_id_);
  persisted_at_ = now;  // a failure waits its minute too
  if (const auto written = base::atomic_replace(files_, kPath, as_bytes(line)); !written) {
    LT_LOG(logger_, kDebug, "trusted_time.write_failed", {"error", written.error().message()});
  }
}

}  // namespace longtake::archive
