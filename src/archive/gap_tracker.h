#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "store/fact.h"

namespace longtake::archive {

/// What one recording misses right now and why, told to the ledger as it happens.
///
/// At most one gap is open; what is known only when it is over is noted. Times told under a wall
/// clock that is obviously wrong are kept, and told again once the clock is right (FAULTS HOST-23).
///
/// Thread     confined to its owner's thread.
/// Limits     remembers `kRetold` gaps under a wrong clock; of more, the oldest are not told again.
class GapTracker {
 public:
  static constexpr std::size_t kRetold = 1024;

  GapTracker(media::RecordingId recording, store::FactSink& facts)
      : recording_(recording), facts_(facts) {}

  /// A gap that recovery tells, for the time the program was down: it lasts until `close`, unless a
  /// reason of our own takes its place.
  void assume_downtime(WallTime from);
  /// Opens a gap, or gives the open one another reason from `from` on; all of it, where less than a millisecond would be
  /// left. The reason it already has changes nothing.
  void open(WallTime from, media::Reason reason, std::string_view detail);
  /// Media is back. A gap that would end before it began ends where it began. Nothing when none is
  /// open.
  void close(WallTime to);
  /// A gap that is over. Empty ranges are not worth a fact.
  void note(TimeRange range, media::Reason reason, std::string_view detail);

  [[nodiscard]] bool is_open() const { return open_.has_value(); }
  /// Nothing when no gap is open or recovery tells it.
  [[nodiscard]] std::optional<media::Reason> open_reason() const {
    return open_ ? open_->reason : std::nullopt;
  }

  /// `offset` is wall minus monotonic time as the machine has it now, and `is_wrong` whether that
  /// cannot be. A wrong clock stays wrong until `retell`.
  void set_clock(microseconds offset, bool is_wrong) {
    if (is_clock_wrong_ && !is_wrong) return;
    offset_ = offset;
    is_clock_wrong_ = is_wrong;
  }
  [[nodiscard]] bool is_clock_wrong() const { return is_clock_wrong_; }
  [[nodiscard]] microseconds clock_offset() const { return offset_; }
  /// The clock is right now, `offset` being wall minus monotonic: tells again what was told while
  /// it was wrong.
  void retell(microseconds offset);

 private:
  struct Open {
    WallTime from;
    std::optional<media::Reason> reason;  // nothing: recovery's to tell
    bool is_right = true;                 // `from` was told by a right clock
  };
  struct Told {
    TimeRange range;
    media::Reason reason;
    microseconds offset;  // wall minus monotonic as it was believed
  };
  void remember(TimeRange range, media::Reason reason);

  media::RecordingId recording_;
  store::FactSink& facts_;
  std::optional<Open> open_;
  bool is_clock_wrong_ = false;
  microseconds offset_{0};
  // A gap that began under a right clock and ended under a wrong one: told now, it would end before
  // it began. Until its true end is known it stays open, and what comes after it waits.
  std::optional<WallTime> held_end_;
  microseconds held_offset_{0};
  std::vector<Told> told_wrong_;
};

}  // namespace longtake::archive
