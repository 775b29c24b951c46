#include "media/coverage.h"

#include <algorithm>
#include <queue>

namespace longtake::media {

namespace {

/// The first range that ends after `time`: nothing before it can overlap what starts there.
auto first_ending_after(const std::vector<TimeRange>& ranges, WallTime time) {
  return std::ranges::upper_bound(ranges, time, {}, &TimeRange::end);
}

/// Answers "which reason holds at this moment?" for moments that only move forward.
class ReasonSweep {
 public:
  explicit ReasonSweep(const std::vector<ReasonSpan>& reasons) : reasons_(reasons) {
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      const bool explains = entry_of(reasons[i].reason).effect != Effect::kDamaged;
      if (explains && !reasons[i].range.is_empty()) by_start_.push_back(i);
    }
    std::ranges::sort(by_start_, {}, [&](std::size_t i) { return reasons[i].range.start; });
  }

  struct Answer {
    const ReasonSpan* reason;  // null: none holds
    WallTime until;            // the answer may be another from here on
  };
  Answer at(WallTime time) {
    while (next_ < by_start_.size() && reasons_[by_start_[next_]].range.start <= time) {
      holding_.push(by_start_[next_++]);
    }
    while (!holding_.empty() && reasons_[holding_.top()].range.end <= time) holding_.pop();
    WallTime until =
        next_ < by_start_.size() ? reasons_[by_start_[next_]].range.start : WallTime::max();
    if (holding_.empty()) return {nullptr, until};
    const ReasonSpan& strongest = reasons_[holding_.top()];
    return {&strongest, std::min(until, strongest.range.end)};
  }

 private:
  const std::vector<ReasonSpan>& reasons_;
  std::vector<std::size_t> by_start_;
  std::size_t next_ = 0;
  std::priority_queue<std::size_t>
      holding_;  // later entries on top; the ended ones leave when they surface
};

void append_gap(std::vector<Gap>& gaps, const Gap& gap) {
  if (!gaps.empty() && gaps.back().range.end == gap.range.start &&
      gaps.back().reason == gap.reason) {
    gaps.back().range.end = gap.range.end;
    gaps.back().is_open = gap.is_open;
    return;
  }
  gaps.push_back(gap);
}

void explain_hole(TimeRange hole, WallTime now, ReasonSweep& sweep, std::vector<Gap>& gaps) {
  for (WallTime at = hole.start; at < hole.end;) {
    const auto [reason, until] = sweep.at(at);
    const WallTime end = std::min(until, hole.end);
    const bool lasts = end == now && (reason == nullptr || reason->range.end > now);
    append_gap(gaps, {{at, end}, reason != nullptr ? reason->reason : Reason::kLedgerLost, lasts});
    at = end;
  }
}

}  // namespace

void TimeRanges::add(TimeRange range) {
  if (range.is_empty()) return;
  // Recorded time comes in order, so the common case ends at the back.
  if (ranges_.empty() || ranges_.back().end < range.start) {
    ranges_.push_back(range);
    return;
  }
  const auto first = std::ranges::lower_bound(ranges_, range.start, {}, &TimeRange::end);
  const auto last =
      std::ranges::upper_bound(first, ranges_.end(), range.end, {}, &TimeRange::start);
  if (first == last) {
    ranges_.insert(first, range);
    return;
  }
  first->start = std::min(first->start, range.start);
  first->end = std::max(std::prev(last)->end, range.end);
  ranges_.erase(std::next(first), last);
}

void TimeRanges::subtract(TimeRange range) {
  if (range.is_empty()) return;
  const auto first = std::ranges::upper_bound(ranges_, range.start, {}, &TimeRange::end);
  const auto last =
      std::ranges::lower_bound(first, ranges_.end(), range.end, {}, &TimeRange::start);
  if (first == last) return;
  const TimeRange before{first->start, range.start};
  const TimeRange after{range.end, std::prev(last)->end};
  auto at = ranges_.erase(first, last);
  if (!after.is_empty()) at = ranges_.insert(at, after);
  if (!before.is_empty()) ranges_.insert(at, before);
}

std::vector<TimeRange> TimeRanges::intersect(TimeRange within) const {
  std::vector<TimeRange> parts;
  if (within.is_empty()) return parts;
  for (auto at = first_ending_after(ranges_, within.start);
       at != ranges_.end() && at->start < within.end; ++at) {
    parts.push_back({std::max(at->start, within.start), std::min(at->end, within.end)});
  }
  return parts;
}

std::vector<TimeRange> TimeRanges::holes(TimeRange within) const {
  std::vector<TimeRange> parts;
  if (within.is_empty()) return parts;
  WallTime open_from = within.start;
  for (auto at = first_ending_after(ranges_, within.start);
       at != ranges_.end() && at->start < within.end; ++at) {
    if (open_from < at->start) parts.push_back({open_from, at->start});
    open_from = at->end;
  }
  if (open_from < within.end) parts.push_back({open_from, within.end});
  return parts;
}

microseconds TimeRanges::total() const {
  microseconds sum{0};
  for (const TimeRange& range : ranges_) sum += range.length();
  return sum;
}

TimelineAnswer explain(const TimeRanges& asked, const TimeRanges& recorded,
                       const std::vector<ReasonSpan>& reasons, WallTime now) {
  TimelineAnswer timeline;
  ReasonSweep sweep(reasons);
  for (TimeRange range : asked.ranges()) {
    range.end = std::min(range.end, now);
    for (const TimeRange& part : recorded.intersect(range)) timeline.spans.push_back(part);
    for (const TimeRange& hole : recorded.holes(range))
      explain_hole(hole, now, sweep, timeline.gaps);
  }
  return timeline;
}

}  // namespace longtake::media
