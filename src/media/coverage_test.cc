#include "media/coverage.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>

namespace longtake::media {
namespace {

using std::chrono::seconds;

WallTime at(int second) { return WallTime(seconds(second)); }
TimeRange range(int start, int end) { return {at(start), at(end)}; }

TimeRanges ranges(std::initializer_list<TimeRange> parts) {
  TimeRanges result;
  for (const TimeRange& part : parts) result.add(part);
  return result;
}

TEST(TimeRanges, RangesThatTouchBecomeOne) {
  EXPECT_EQ(ranges({range(0, 2), range(4, 6), range(2, 4)}).ranges(), (std::vector{range(0, 6)}));
}

TEST(TimeRanges, EmptyAndReversedRangesChangeNothing) {
  TimeRanges some = ranges({range(0, 2)});
  some.add(range(5, 5));
  some.add(range(9, 7));
  some.subtract(range(1, 1));
  some.subtract(range(2, 0));
  EXPECT_EQ(some, ranges({range(0, 2)}));
  EXPECT_TRUE(some.intersect(range(2, 0)).empty());
  EXPECT_TRUE(some.holes(range(9, 3)).empty());
}

TEST(TimeRanges, SubtractingTheMiddleLeavesBothEnds) {
  TimeRanges some = ranges({range(0, 10)});
  some.subtract(range(3, 4));
  EXPECT_EQ(some, ranges({range(0, 3), range(4, 10)}));
}

TEST(Explain, AMomentIsRecordedOrMissingForAReason) {
  const TimelineAnswer timeline =
      explain(ranges({range(0, 100)}), ranges({range(0, 40), range(60, 100)}),
              {{range(40, 60), Reason::kCameraDisconnected}}, at(100));
  EXPECT_EQ(timeline.spans, (std::vector{range(0, 40), range(60, 100)}));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(40, 60), Reason::kCameraDisconnected}}));
}

TEST(Explain, NothingIsMissingWhereNothingWasAsked) {
  const TimelineAnswer timeline = explain(ranges({range(10, 20)}), ranges({range(0, 12)}),
                                          {{range(0, 100), Reason::kOperatorStop}}, at(100));
  EXPECT_EQ(timeline.spans, (std::vector{range(10, 12)}));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(12, 20), Reason::kOperatorStop}}));
}

TEST(Explain, TheLaterReasonOutranksTheEarlier) {
  const TimelineAnswer timeline = explain(
      ranges({range(0, 30)}), {},
      {{range(0, 30), Reason::kCameraDisconnected}, {range(10, 20), Reason::kAuthFailed}}, at(100));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(0, 10), Reason::kCameraDisconnected},
                                             {range(10, 20), Reason::kAuthFailed},
                                             {range(20, 30), Reason::kCameraDisconnected}}));
}

TEST(Explain, AHoleWithoutAReasonSaysThatTheLedgerWasLost) {
  const TimelineAnswer timeline = explain(ranges({range(0, 30)}), ranges({range(0, 10)}),
                                          {{range(0, 20), Reason::kCrash}}, at(100));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(10, 20), Reason::kCrash},
                                             {range(20, 30), Reason::kLedgerLost}}));
}

TEST(Explain, AReasonThatOnlyDamagesExplainsNoHole) {
  const TimelineAnswer timeline =
      explain(ranges({range(0, 10)}), {}, {{range(0, 10), Reason::kAudioLost}}, at(100));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(0, 10), Reason::kLedgerLost}}));
}

TEST(Explain, GapsThatTouchAndShareAReasonAreOne) {
  const TimelineAnswer timeline =
      explain(ranges({range(0, 30)}), {},
              {{range(0, 10), Reason::kDiskFull}, {range(10, 30), Reason::kDiskFull}}, at(100));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(0, 30), Reason::kDiskFull}}));
}

TEST(Explain, AGapThatStillLastsEndsNowAndIsOpen) {
  const TimelineAnswer timeline =
      explain(ranges({{at(0), WallTime::max()}}), ranges({range(0, 10)}),
              {{{at(10), WallTime::max()}, Reason::kCameraTimeout}}, at(25));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(10, 25), Reason::kCameraTimeout, true}}));
}

TEST(Explain, AGapThatEndedBeforeNowIsNotOpen) {
  // The question ends at 20 s; the reason went on, and so did the world.
  const TimelineAnswer timeline =
      explain(ranges({range(0, 20)}), ranges({range(0, 10)}),
              {{{at(10), WallTime::max()}, Reason::kCameraTimeout}}, at(25));
  EXPECT_EQ(timeline.gaps, (std::vector<Gap>{{range(10, 20), Reason::kCameraTimeout, false}}));
}

TEST(Explain, TheFutureIsNeitherRecordedNorMissing) {
  const TimelineAnswer timeline =
      explain(ranges({range(50, 60)}), ranges({range(50, 60)}), {}, at(40));
  EXPECT_TRUE(timeline.spans.empty());
  EXPECT_TRUE(timeline.gaps.empty());
}

// The model: one cell a second. It says nothing of ranges, so it shares no mistake with them.
constexpr int kCells = 64;
using Cells = std::array<bool, kCells>;

struct Edit {
  bool adds;
  TimeRange at;
};

rc::Gen<TimeRange> any_range() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, kCells), rc::gen::inRange(0, kCells)),
                      [](const auto& ends) { return range(ends.first, ends.second); });
}

bool holds(TimeRange range, int cell) { return range.start <= at(cell) && at(cell) < range.end; }
bool holds(const std::vector<TimeRange>& parts, int cell) {
  return std::ranges::any_of(parts, [&](const TimeRange& part) { return holds(part, cell); });
}
bool is_strictly_apart(const std::vector<TimeRange>& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_empty() || (i > 0 && parts[i - 1].end >= parts[i].start)) return false;
  }
  return true;
}

struct Modelled {
  TimeRanges ranges;
  Cells cells{};
};

Modelled any_modelled_ranges() {
  const auto edits = *rc::gen::container<std::vector<Edit>>(
      rc::gen::map(rc::gen::pair(rc::gen::arbitrary<bool>(), any_range()),
                   [](const auto& edit) { return Edit{edit.first, edit.second}; }));
  Modelled result;
  for (const Edit& edit : edits) {
    if (edit.adds) {
      result.ranges.add(edit.at);
    } else {
      result.ranges.subtract(edit.at);
    }
    for (int cell = 0; cell < kCells; ++cell) {
      if (holds(edit.at, cell)) result.cells[static_cast<std::size_t>(cell)] = edit.adds;
    }
  }
  return result;
}

RC_GTEST_PROP(TimeRanges, AgreeWithOneCellASecond, ()) {
  const Modelled some = any_modelled_ranges();
  const TimeRange within = *any_range();
  const auto covered = some.ranges.intersect(within);
  const auto holes = some.ranges.holes(within);
  RC_ASSERT(is_strictly_apart(some.ranges.ranges()));
  RC_ASSERT(is_strictly_apart(covered));
  RC_ASSERT(is_strictly_apart(holes));
  std::int64_t total = 0;
  for (int cell = 0; cell < kCells; ++cell) {
    const bool is_set = some.cells[static_cast<std::size_t>(cell)];
    total += is_set ? 1 : 0;
    RC_ASSERT(holds(some.ranges.ranges(), cell) == is_set);
    RC_ASSERT(holds(covered, cell) == (is_set && holds(within, cell)));
    RC_ASSERT(holds(holes, cell) == (!is_set && holds(within, cell)));
  }
  RC_ASSERT(some.ranges.total() == seconds(total));
}

RC_GTEST_PROP(Explain, AgreesWithOneCellASecond, ()) {
  const Modelled asked = any_modelled_ranges();
  const Modelled recorded = any_modelled_ranges();
  const auto reasons = *rc::gen::container<std::vector<ReasonSpan>>(rc::gen::map(
      rc::gen::pair(any_range(),
                    rc::gen::element(Reason::kCrash, Reason::kDiskFull, Reason::kAudioLost)),
      [](const auto& span) { return ReasonSpan{span.first, span.second}; }));
  const int now = *rc::gen::inRange(0, kCells + 1);

  const TimelineAnswer timeline = explain(asked.ranges, recorded.ranges, reasons, at(now));
  for (int cell = 0; cell < kCells; ++cell) {
    const auto index = static_cast<std::size_t>(cell);
    const bool is_asked = asked.cells[index] && cell < now;
    RC_ASSERT(holds(timeline.spans, cell) == (is_asked && recorded.cells[index]));
    std::vector<Reason> told;
    for (const Gap& gap : timeline.gaps) {
      if (holds(gap.range, cell)) told.push_back(gap.reason);
    }
    std::vector<Reason> expected;
    if (is_asked && !recorded.cells[index]) {
      expected.push_back(Reason::kLedgerLost);
      for (const ReasonSpan& reason : reasons) {
        if (reason.reason != Reason::kAudioLost && holds(reason.range, cell))
          expected[0] = reason.reason;
      }
    }
    RC_ASSERT(told == expected);
  }
  for (std::size_t i = 1; i < timeline.gaps.size(); ++i) {
    const Gap& before = timeline.gaps[i - 1];
    const Gap& after = timeline.gaps[i];
    RC_ASSERT(before.range.end <= after.range.start);
    RC_ASSERT((before.range.end < after.range.start || before.reason != after.reason));
  }
}

}  // namespace
}  // namespace longtake::media
