#include "archive/gap_tracker.h"

#include <algorithm>
#include <utility>

namespace longtake::archive {
namespace {

/// Times are shown in milliseconds: a gap below that would begin where it ends.
constexpr microseconds kShortest{1'000};

}  // namespace

void GapTracker::assume_downtime(WallTime from) { open_ = Open{from, std::nullopt, true}; }

void GapTracker::open(WallTime from, media::Reason reason, std::string_view detail) {
  if (open_ && open_->reason == reason) return;
  const bool is_of_one_clock = open_ && open_->is_right != is_clock_wrong_;
  if (is_of_one_clock && open_->reason && from < open_->from + kShortest) from = open_->from;
  if (open_ && is_clock_wrong_) {
    if (open_->is_right) {
      held_end_ = from;
      held_offset_ = offset_;
    } else {
      from = std::max(from, open_->from);
      remember({open_->from, from}, *open_->reason);
    }
  } else if (open_ && open_->reason) {
    from = std::max(from, open_->from);
  }
  open_ = Open{from, reason, !is_clock_wrong_};
  if (!held_end_) facts_.append(store::GapOpened{recording_, from, reason, std::string(detail)});
}

void GapTracker::close(WallTime to) {
  if (!open_) return;
  const Open closed = *std::exchange(open_, std::nullopt);
  if (is_clock_wrong_) {
    if (closed.is_right) {
      held_end_ = to;
      held_offset_ = offset_;
      return;
    }
    remember({closed.from, to}, *closed.reason);
  }
  if (!held_end_) facts_.append(store::GapClosed{recording_, std::max(to, closed.from)});
}

void GapTracker::note(TimeRange range, media::Reason reason, std::string_view detail) {
  if (range.is_empty()) return;
  if (is_clock_wrong_) remember(range, reason);
  facts_.append(store::GapNoted{recording_, range, reason, std::string(detail)});
}

void GapTracker::remember(TimeRange range, media::Reason reason) {
  if (range.is_empty()) return;
  if (told_wrong_.size() == kRetold) told_wrong_.erase(told_wrong_.begin());
  told_wrong_.push_back({range, reason, offset_});
}

void GapTracker::retell(microseconds offset) {
  if (held_end_) {
    facts_.append(store::GapClosed{recording_, *held_end_ + (offset - held_offset_)});
    held_end_.reset();
  }
  for (const Told& told : std::exchange(told_wrong_, {})) {
    const microseconds by = offset - told.offset;
    facts_.append(store::GapNoted{recording_,
                                  {told.range.start + by, told.range.end + by},
                                  told.reason,
                                  "told again with the right time"});
  }
  if (open_ && !open_->is_right) {
    open_->from += offset - offset_;
    open_->is_right = true;
    facts_.append(store::GapOpened{recording_, open_->from, *open_->reason,
                                   "told again with the right time"});
  }
  offset_ = offset;
  is_clock_wrong_ = false;
}

}  // namespace longtake::archive
