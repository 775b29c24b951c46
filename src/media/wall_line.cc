#include "media/wall_line.h"

#include <algorithm>

#include "media/media_time.h"

namespace longtake::media {

namespace {

constexpr microseconds kStretch = seconds(1);
// An error is worked off over about this long, so that jitter of the estimate does not become
// jitter of the wall. A camera clock 200 ppm off then trails its estimate by 12 ms.
constexpr microseconds kTimeConstant = seconds(60);
constexpr std::size_t kStretches = 256;

microseconds scaled(microseconds value, microseconds numerator, microseconds denominator) {
  const auto result =
      multiply_divide(value.count(), numerator.count(), denominator.count(), Rounding::kDown);
  return microseconds(result.value_or(0));
}

}  // namespace

void WallLine::start(microseconds position, microseconds offset) {
  stretches_.clear();
  stretches_.push_back({microseconds(0), std::max(position, kStretch), offset, offset});
}

void WallLine::extend(microseconds position, microseconds target) {
  const Stretch& last = stretches_.back();
  if (position < last.end) return;
  // One stretch bridges a hole of any length.
  const microseconds length = position - last.end + kStretch;
  const microseconds limit = scaled(length, microseconds(slew_ppm_), seconds(1));
  const microseconds error = target - last.offset_at_end;
  const microseconds wish = scaled(error, std::min(length, kTimeConstant), kTimeConstant);
  const microseconds change = std::clamp(wish, -limit, limit);
  stretches_.push_back(
      {last.end, last.end + length, last.offset_at_end, last.offset_at_end + change});
  if (stretches_.size() > kStretches) stretches_.pop_front();
}

microseconds WallLine::offset_at(microseconds position) const {
  if (position <= stretches_.front().begin) return stretches_.front().offset_at_begin;
  if (position >= stretches_.back().end) return stretches_.back().offset_at_end;
  // Mostly it is the newest; the others are far apart in memory.
  const auto newest = std::prev(stretches_.end());
  const auto after = position >= newest->begin
                         ? newest
                         : std::ranges::upper_bound(stretches_, position, {}, &Stretch::end);
  return after->offset_at_begin + scaled(after->offset_at_end - after->offset_at_begin,
                                         position - after->begin, after->end - after->begin);
}

}  // namespace longtake::media
