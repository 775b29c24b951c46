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

void RecordingFacts::append(store::Fact fact) {
  const base::MutexLock lock(mutex_);
  if (!ended_) {
    if (const auto* opened = std::get_if<store::GapOpened>(&fact)) ended_ = opened->from;
    if (const auto* closed = std::get_if<store::GapClosed>(&fact)) ended_ = closed->to;
  }
  below_.append(std::move(fact));
}

void RecordingFacts::explain_downtime(WallTime from, media::Reason reason, std::string detail) {
  const base::MutexLock lock(mutex_);
  if (!ended_) {
    below_.append(store::GapOpened{recording_, from, reason, std::move(detail)});
  } else if (*ended_ > from) {
    below_.append(store::GapNoted{recording_, {from, *ended_}, reason, std::move(detail)});
  }
}

}  // namespace longtake::archive
