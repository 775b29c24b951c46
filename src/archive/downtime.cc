#include "archive/downtime.h"

#include <algorithm>

namespace longtake::archive {

std::optional<WallTime> downtime_begin(const store::Coverage& coverage, const Downtime& downtime) {
  // What was asked for when this life began, or, for a recording that came back, since then.
  std::optional<WallTime> asked_from;
  for (const TimeRange& armed : coverage.armed.ranges()) {
    if (armed.end > downtime.started) asked_from = armed.start;
  }
  if (!asked_from) return std::nullopt;

  WallTime begin = *asked_from;
  for (const TimeRange& recorded : coverage.recorded.ranges()) {
    if (recorded.start < downtime.started) {
      begin = std::max(begin, std::min(recorded.end, downtime.started));
    }
  }
  // What the last life told of the time behind its footage is told: dropped media, a camera that was away for a while.
  for (const media::ReasonSpan& reason : coverage.reasons) {
    if (reason.range.end <= downtime.started) begin = std::max(begin, reason.range.end);
  }
  if (begin >= downtime.started && begin != *asked_from) return std::nullopt;

  const bool is_stop = downtime.reason == media::Reason::kOperatorStop;
  const WallTime seen =
      is_stop ? downtime.started - microseconds(1) : downtime.last_alive.value_or(begin);
  const bool is_explained =
      std::ranges::any_of(coverage.reasons, [&](const media::ReasonSpan& reason) {
        return reason.range.start <= seen && reason.range.end > seen && reason.range.start >= begin;
      });
  if (!is_explained) return begin;
  if (is_stop) return std::nullopt;
  return std::max(begin, seen);
}

}  // namespace longtake::archive
