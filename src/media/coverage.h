#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "media/reason.h"

/// Arithmetic of recorded time: what is covered, what is missing, and why.
namespace longtake::media {

/// An ordered union of half-open ranges that neither overlap nor touch.
class TimeRanges {
 public:
  void add(TimeRange range);
  void subtract(TimeRange range);
  /// The parts of `within` that are covered here, in order.
  [[nodiscard]] std::vector<TimeRange> intersect(TimeRange within) const;
  /// The parts of `within` that are not.
  [[nodiscard]] std::vector<TimeRange> holes(TimeRange within) const;
  [[nodiscard]] const std::vector<TimeRange>& ranges() const { return ranges_; }
  [[nodiscard]] microseconds total() const;
  friend bool operator==(const TimeRanges&, const TimeRanges&) = default;

 private:
  std::vector<TimeRange> ranges_;
};

/// A reason that holds for a time, recorded or not. Later entries of a list outrank earlier ones.
struct ReasonSpan {
  TimeRange range;  // end = WallTime::max() while it still lasts
  Reason reason = Reason::kCameraDisconnected;
  friend bool operator==(const ReasonSpan&, const ReasonSpan&) = default;
};

struct Gap {
  TimeRange range;
  Reason reason = Reason::kCameraDisconnected;
  bool is_open = false;  // still lasts; its end is "now"
  friend bool operator==(const Gap&, const Gap&) = default;
};

struct Degraded {
  TimeRange range;
  Reason reason = Reason::kPacketLoss;
  std::uint64_t count = 0;
  friend bool operator==(const Degraded&, const Degraded&) = default;
};

/// The answer to "what is recorded?": spans and gaps together are the time asked for, exactly.
struct TimelineAnswer {
  std::vector<TimeRange> spans;
  std::vector<Gap> gaps;
  std::vector<Degraded> degraded;
};

/// Explains `asked` (the armed time within the question, cut at `now`): each moment lies in a span or in a gap.
/// A hole without any reason is `ledger_lost`: media and ledger together always tell one, unless the ledger was lost.
/// Gaps that touch and share a reason are one.
TimelineAnswer explain(const TimeRanges& asked, const TimeRanges& recorded,
                       const std::vector<ReasonSpan>& reasons, WallTime now);

}  // namespace longtake::media
