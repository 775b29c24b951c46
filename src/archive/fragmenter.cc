#include "archive/fragmenter.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace longtake::archive {
namespace {

constexpr microseconds kUsualVideoInterval{40'000};
constexpr std::int64_t kAacFrameSamples = 1024;

std::int64_t to_ticks(microseconds length, const media::TrackConfig& config) {
  return media::from_microseconds(length, config.timescale_hz).ticks();
}

std::int64_t first_guess(const media::TrackConfig& config) {
  if (config.kind != media::TrackKind::kAudio) return to_ticks(kUsualVideoInterval, config);
  const std::uint32_t rate =
      config.sample_rate_hz == 0 ? config.timescale_hz : config.sample_rate_hz;
  return std::max<std::int64_t>(1, kAacFrameSamples * config.timescale_hz / rate);
}

std::uint32_t narrow(std::int64_t ticks) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(ticks, 0, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

Fragmenter::Fragmenter(media::TrackConfigPtr config)
    : config_(std::move(config)),
      length_ticks_(to_ticks(kLength, *config_)),
      longest_ticks_(std::max<std::int64_t>(2, to_ticks(kLongest, *config_))),
      interval_ticks_(first_guess(*config_)) {}

Fragmenter::Fragmenter(media::TrackConfigPtr config, const Fragmenter& before)
    : Fragmenter(std::move(config)) {
  if (config_->timescale_hz != before.config_->timescale_hz) return;
  interval_ticks_ = before.interval_ticks_;
  floor_ticks_ = before.floor_ticks_;
}

void Fragmenter::set_interval(microseconds interval) {
  interval_ticks_ = std::clamp<std::int64_t>(to_ticks(interval, *config_), 1, longest_ticks_);
}

bool Fragmenter::must_end_before(const media::AccessUnit& unit, std::int64_t ticks) const {
  if (open_.empty()) return false;
  if (config_->kind == media::TrackKind::kVideo && unit.is_sync) return true;
  if (open_bytes_ + unit.payload.size() > limits::kFragmentBytes) return true;
  // The unit's own length counts, less half a one, so that jitter does not leave a single sample in
  // front of each key frame of a one-second GOP.
  return ticks + interval_ticks_ - interval_ticks_ / 2 - open_.front().place.ticks > length_ticks_;
}

void Fragmenter::add(media::AccessUnitPtr unit, Place place) {
  const std::int64_t floor = open_.empty() ? floor_ticks_ : open_.back().place.ticks + 1;
  if (place.ticks < floor) {
    const std::int64_t by = floor - place.ticks;
    place.ticks = floor;
    place.composition_ticks = std::max<std::int64_t>(0, place.composition_ticks - by);
    place.position += media::to_microseconds({by, config_->timescale_hz});
  }
  open_bytes_ += unit->payload.size();
  open_.push_back({std::move(unit), place});
}

std::size_t Fragmenter::count_before(microseconds position) const {
  if (open_.empty()) return 0;
  const std::int64_t end_ticks = open_.front().place.ticks + length_ticks_;
  const auto end = std::ranges::find_if(open_, [&](const Sample& sample) {
    return sample.place.position >= position || sample.place.ticks >= end_ticks;
  });
  return static_cast<std::size_t>(end - open_.begin());
}

std::int64_t Fragmenter::last_duration(const Sample& first, const Sample& last,
                                       std::int64_t end_ticks) const {
  const std::int64_t room =
      std::max<std::int64_t>(1, longest_ticks_ - (last.place.ticks - first.place.ticks));
  const std::int64_t until_end = end_ticks - last.place.ticks;
  const std::int64_t hole_ticks = std::max(length_ticks_, 3 * interval_ticks_);  // DESIGN §6
  if (until_end >= 1 && until_end <= room && until_end - interval_ticks_ < hole_ticks)
    return until_end;
  // A longer silence is a hole, or jitter that the next fragment bridges; no picture lasts that
  // long.
  return std::min(interval_ticks_, room);
}

PendingFragment Fragmenter::take(std::size_t count, std::optional<std::int64_t> next_ticks) {
  LT_CHECK(count >= 1 && count <= open_.size());
  const Sample& first = open_.front();
  const Sample& last = open_[count - 1];
  if (count < open_.size()) next_ticks = open_[count].place.ticks;
  const std::int64_t last_ticks =
      last_duration(first, last, next_ticks.value_or(last.place.ticks + interval_ticks_));

  PendingFragment fragment;
  fragment.track = config_->track;
  fragment.run_ticks = first.place.ticks;
  fragment.run_position = first.place.position;
  fragment.duration_ticks = last.place.ticks + last_ticks - first.place.ticks;
  fragment.is_sync = first.unit->is_sync;
  fragment.samples.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Sample& sample = open_[i];
    const std::int64_t duration =
        i + 1 < count ? open_[i + 1].place.ticks - sample.place.ticks : last_ticks;
    fragment.payload_bytes += sample.unit->payload.size();
    fragment.is_damaged |= sample.unit->is_damaged;
    fragment.samples.push_back(
        {std::move(sample.unit), narrow(duration), narrow(sample.place.composition_ticks)});
  }
  floor_ticks_ = fragment.run_ticks + fragment.duration_ticks;
  open_bytes_ -= fragment.payload_bytes;
  open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(count));
  return fragment;
}

std::size_t Fragmenter::discard_before(microseconds position) {
  const auto end = std::ranges::find_if(
      open_, [&](const Sample& sample) { return sample.place.position >= position; });
  for (auto at = open_.begin(); at != end; ++at) open_bytes_ -= at->unit->payload.size();
  const auto count = static_cast<std::size_t>(end - open_.begin());
  open_.erase(open_.begin(), end);
  return count;
}

}  // namespace longtake::archive
