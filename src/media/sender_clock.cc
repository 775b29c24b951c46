#include "media/sender_clock.h"

#include <algorithm>
#include <chrono>

namespace longtake::media {

namespace {

constexpr int kNeeded = 3;
// Cameras stamp a report when they send it, some milliseconds beside the picture it speaks of.
constexpr microseconds kTolerance = milliseconds(50);
constexpr std::int64_t kDriftPpm = 1000;

}  // namespace

void SenderClock::add(microseconds media, WallTime camera_wall, WallTime our_wall) {
  // Compared before subtracting: a hostile report may name any 64-bit time.
  if (camera_wall < our_wall - max_skew_ || camera_wall > our_wall + max_skew_) {
    steady_reports_ = 0;
    return;
  }
  const WallTime at_epoch = camera_wall - media;
  const microseconds allowed =
      kTolerance + std::chrono::abs(media - last_media_) * kDriftPpm / 1'000'000;
  const bool agrees = steady_reports_ > 0 && std::chrono::abs(at_epoch - wall_at_epoch_) <= allowed;
  steady_reports_ = agrees ? std::min(steady_reports_ + 1, kNeeded) : 1;
  wall_at_epoch_ = at_epoch;
  last_media_ = media;
  skew_ = camera_wall - our_wall;
}

bool SenderClock::is_believed() const { return steady_reports_ >= kNeeded; }

std::optional<WallTime> SenderClock::wall_at_epoch() const {
  if (!is_believed()) return std::nullopt;
  return wall_at_epoch_;
}

std::optional<microseconds> SenderClock::skew() const {
  if (!is_believed()) return std::nullopt;
  return skew_;
}

}  // namespace longtake::media
