#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/time.h"
#include "media/item.h"

namespace longtake::media {

/// Turns one session's media times into run time and wall time: the only place where that happens.
///
/// Three clocks (DESIGN §6): receipt orders, RTP ticks space, wall time is an estimate. Wall = anchor + media time. The
/// anchor of a track is the minimum of (receipt - media time) over a window, because cameras burst a buffered GOP at
/// PLAY and after stalls. Later the wall is slewed by at most 500 ppm toward the estimate and never runs backward
/// inside a run. Sender reports align audio with video; they never move the timeline faster.
///
/// The track with the lowest id (video, by convention) carries the run: its media time is the run's position, its
/// jumps are new runs. The other tracks are placed on its time base, and their jumps only place them anew.
///
/// Units      media times in each track's timescale; run positions in microseconds from the run's start.
/// Thread     confined to its owner's thread; takes no lock, asks no clock.
/// Limits     a track that keeps jumping is spaced by receipt instead of opening runs without end.
/// Errors     none: absurd times start a new run, they never stop recording.
/// Source     docs/design/time.md.
class Timeline {
 public:
  struct Options {
    microseconds anchor_window{1'000'000};  // how long the first fragment waits for its anchor
    microseconds ahead_limit{1'000'000};    // media ahead of receipt by more: new run
    microseconds jump_limit{
        1'000'000};  // media time against receipt changes by more at once: new run
    microseconds clock_step_limit{
        1'000'000};  // wall against monotonic clock changes by more: new run
    std::int64_t slew_ppm = 500;
    std::int64_t rate_error_ppm =
        10'000;  // media rate off by more for `rate_window`: spaced by receipt
    microseconds rate_window{10'000'000};
    /// Sender reports further from our wall clock are not believed.
    microseconds camera_clock_max_skew{std::chrono::hours(24)};
  };

  enum class NewRun : std::uint8_t {
    kNo,
    kFirst,      // the timeline's first unit
    kMediaJump,  // media against receipt, or backward
    kAheadOfReceipt,
    kClockStep,      // the machine's wall clock stepped
    kSourceChanged,  // SSRC
  };

  /// Where a unit lies. `run_position` never decreases along one track's DTS inside a run.
  struct Position {
    NewRun new_run = NewRun::kNo;  // this unit is the first of a new run; positions start over
    bool is_anchored = false;      // false: within the anchor window; ask `wall_of` later
    microseconds run_position{0};  // of its DTS
    std::int64_t track_ticks = 0;  // DTS from the run's start in the track's timescale, >= 0
    std::int64_t composition_ticks = 0;  // PTS - DTS, >= 0
  };

  explicit Timeline(Options options);
  ~Timeline();

  /// `wall_minus_monotonic` is the machine's wall clock against its monotonic clock right now (wall_now - now).
  Position place(const AccessUnit& unit, microseconds wall_minus_monotonic);
  void on_source_changed(TrackId track);
  void on_sender_report(const SenderReport& report);

  /// The wall time of a run position of the current run. Before the anchor window is over it is the best estimate.
  [[nodiscard]] WallTime wall_of(microseconds run_position) const;
  /// How far `wall_of` may be off.
  [[nodiscard]] microseconds uncertainty() const;
  [[nodiscard]] bool is_anchored() const;
  /// Tells the timeline that the anchor window's time is over although no unit came to show it.
  void on_time(MonotonicTime now);
  /// The run's start on the monotonic clock.
  [[nodiscard]] MonotonicTime run_start() const;
  /// Spaced by smoothed receipt because the media clock's rate cannot be right.
  [[nodiscard]] bool is_spaced_by_receipt() const;
  /// Camera clock against ours in parts per million, once measured.
  [[nodiscard]] std::optional<double> media_drift_ppm() const;
  /// The camera's wall clock minus ours, while its sender reports deserve belief.
  [[nodiscard]] std::optional<microseconds> camera_clock_skew() const;
  /// Median interval between units of the track, of the last 64; nothing before the second.
  [[nodiscard]] std::optional<microseconds> median_interval(TrackId track) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longtake::media
