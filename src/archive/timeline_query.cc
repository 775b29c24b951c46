#include "archive/timeline_query.h"

#include <algorithm>
#include <set>
#include <utility>

namespace longtake::archive {
namespace {

void clip(std::vector<media::Degraded>& degraded, TimeRange within) {
  for (media::Degraded& interval : degraded) {
    interval.range = {std::max(interval.range.start, within.start),
                      std::min(interval.range.end, within.end)};
  }
  std::erase_if(degraded,
                [](const media::Degraded& interval) { return interval.range.is_empty(); });
}

SegmentInfo info_of(const LiveSegment& segment, const std::vector<TimeRange>& spans) {
  SegmentInfo info;
  info.id = segment.index->segment;
  info.range = {spans.front().start, spans.back().end};
  info.size_bytes = segment.index->end_bytes();
  info.is_open = !segment.is_closed;
  return info;
}

}  // namespace

media::TimelineAnswer make_timeline(store::Coverage stored, const LiveRecording& live,
                                    TimeRange within, std::optional<WallTime> last,
                                    std::optional<WallTime> undecided_from, WallTime wall_now) {
  WallTime decided = std::max(within.start, last.value_or(within.start));
  for (const LiveSegment& segment : live.segments) {
    for (const TimeRange& span : segment.index->spans()) {
      const TimeRange part{std::max(span.start, within.start), std::min(span.end, within.end)};
      stored.recorded.add(part);
      decided = std::max(decided, span.end);
    }
  }
  for (const TimeRange& span : stored.recorded.ranges()) decided = std::max(decided, span.end);
  for (const media::ReasonSpan& reason : stored.reasons) {
    const bool is_open = reason.range.end == WallTime::max();
    decided = std::max(decided, is_open ? wall_now : reason.range.end);
  }
  if (undecided_from) decided = std::min(decided, *undecided_from);
  media::TimeRanges asked;
  for (const TimeRange& range : stored.armed.intersect(within)) asked.add(range);
  media::TimelineAnswer answer = media::explain(asked, stored.recorded, stored.reasons, decided);
  answer.degraded = std::move(stored.degraded);
  clip(answer.degraded, within);
  return answer;
}

LiveRecordingPtr redate(LiveRecordingPtr live, const RecordingFacts::Redates& redates) {
  if (redates.empty()) return live;
  auto right = std::make_shared<LiveRecording>(*live);
  for (LiveSegment& segment : right->segments) {
    const auto redated = redates.find(segment.index->segment.run);
    if (redated == redates.end()) continue;
    auto index = std::make_shared<media::FragmentIndex>(*segment.index);
    for (media::FragmentEntry& fragment : index->fragments) fragment.wall_start += redated->second;
    segment.index = std::move(index);
  }
  if (const auto redated = redates.find(right->durable_run); redated != redates.end()) {
    right->durable_until += redated->second;
  }
  return right;
}

void add_recent(const RecordingFacts::Recent& recent, store::Coverage& stored) {
  if (recent.closed_at) {
    for (media::ReasonSpan& reason : stored.reasons) {
      if (reason.range.end == WallTime::max()) {
        reason.range.end = std::max(reason.range.start, *recent.closed_at);
      }
    }
  }
  stored.reasons.insert(stored.reasons.end(), recent.reasons.begin(), recent.reasons.end());
}

const LiveSegment* find_live(const LiveRecording& live, media::SegmentId id) {
  const auto found = std::ranges::find_if(
      live.segments, [&](const LiveSegment& segment) { return segment.index->segment == id; });
  return found == live.segments.end() ? nullptr : &*found;
}

std::vector<SegmentInfo> merge_segments(const std::vector<store::SegmentRow>& rows,
                                        const LiveRecording& live, TimeRange within,
                                        std::size_t limit) {
  std::vector<SegmentInfo> merged;
  std::set<media::SegmentId> listed;
  for (const store::SegmentRow& row : rows) {
    // An open row is either live, or left behind and not yet to be read.
    if (row.state != store::SegmentState::kClosed) continue;
    merged.push_back({row.id, row.range, row.size_bytes, false});
    listed.insert(row.id);
  }
  for (const LiveSegment& segment : live.segments) {
    const std::vector<TimeRange> spans = segment.index->spans();
    if (spans.empty() || listed.contains(segment.index->segment)) continue;
    if (spans.back().end <= within.start || spans.front().start >= within.end) continue;
    merged.push_back(info_of(segment, spans));
  }
  std::ranges::sort(merged, {},
                    [](const SegmentInfo& info) { return std::pair(info.range.start, info.id); });
  if (merged.size() > limit) merged.resize(limit);
  return merged;
}

void add_stored(const store::RecordingRow& row, RecordingStatus& status) {
  status.first = row.first;
  status.last = row.last;
  status.durable_until = row.last;
  status.size_bytes = row.size_bytes;
}

Result<void> add_live(store::CatalogReader& catalog, const LiveRecording& live,
                      RecordingStatus& status) {
  for (const LiveSegment& segment : live.segments) {
    const std::vector<TimeRange> spans = segment.index->spans();
    if (spans.empty()) continue;
    status.first = std::min(status.first.value_or(spans.front().start), spans.front().start);
    status.last = std::max(status.last.value_or(spans.back().end), spans.back().end);
    auto row = catalog.segment(status.id, segment.index->segment);
    if (!row) return std::unexpected(std::move(row).error());
    if (!*row || (*row)->state != store::SegmentState::kClosed) {
      status.size_bytes += segment.index->end_bytes();
    }
  }
  // In this life's files the live index knows better: a closed segment before an open one may be all there is.
  if (live.durable_until != WallTime{}) status.durable_until = live.durable_until;
  return {};
}

}  // namespace longtake::archive
