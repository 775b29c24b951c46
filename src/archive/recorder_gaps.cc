#include <algorithm>
#include <string_view>
#include <utility>

#include "archive/recorder.h"

// The recorder's part about what is missing: gaps and their reasons, what silence and a stepped clock mean.
namespace longtake::archive {
namespace {

using media::Reason;
using NewRun = media::Timeline::NewRun;

/// Aligned to the clock, so that all recorders of a shard share one wake-up.
constexpr nanoseconds kTick = milliseconds(500);
/// Silence beyond the hole threshold before it is called a gap: lateness mostly heals.
constexpr microseconds kSilenceGrace{1'000'000};
/// Promised video that never came: sound is recorded alone.
constexpr nanoseconds kVideoWait = seconds(10);

}  // namespace

/// Explains or bridges the time between what was covered and a fragment that covers on.
void Recorder::place_covering(PendingFragment& fragment, bool is_first_of_run,
                              const RunCutter::Evidence& before) {
  if (!std::exchange(session_->has_recorded, true)) explain_late_start(fragment.wall_start);
  if (!covered_until_) {
    gaps_.close(fragment.wall_start);
    return;
  }
  const bool is_step = is_first_of_run && run_->cause == NewRun::kClockStep;
  const microseconds hole = fragment.wall_start - *covered_until_;
  const bool is_hole = hole >= hole_threshold();
  const bool is_jitter = hole > microseconds(0) && !is_hole;
  const bool is_gap_open = gaps_.is_open();
  if (is_jitter && (!is_gap_open || is_gap_provisional_)) fragment.bridge = hole;
  if (is_gap_open) {
    if (is_gap_provisional_ && is_hole) {
      open_gap(*covered_until_, reason_for_hole(is_first_of_run, before), "");
    }
    gaps_.close(fragment.wall_start - fragment.bridge);
    is_gap_provisional_ = false;
  } else if (is_step) {
    explain_clock_step(fragment, hole);
  } else if (is_hole) {
    note_gap({*covered_until_, fragment.wall_start}, reason_for_hole(is_first_of_run, before));
  }
  if (before.was_process_stalled && is_hole) note_stall({*covered_until_, fragment.wall_start});
}

WallTime Recorder::waiting_since(MonotonicTime seen) const {
  const bool is_first = !session_->has_key_frame && !session_->has_told_waiting;
  return clock_.wall_at(is_first ? session_->started : seen);
}

/// A connection that stands for longer than jitter is no disconnected camera's, also where nothing was seen to wait for.
void Recorder::explain_late_start(WallTime first_picture) {
  const WallTime started = clock_.wall_at(session_->started);
  if (session_->has_told_waiting || !gaps_.is_open() || first_picture - started < hole_threshold())
    return;
  open_gap(started, Reason::kNoKeyframe, "connected, and the first picture took its time");
}

/// Forward leaves a time that never was. Backward, the same wall times come twice, and both are
/// kept.
void Recorder::explain_clock_step(const PendingFragment& fragment, microseconds hole) {
  if (run_->info->is_time_uncertain) {
    // By the right clock, which comes later, this run begins about where the one before ended:
    // whatever lies between then is the step's.
    const microseconds step = run_->clock_offset - covered_offset_;
    const microseconds true_hole = std::max(hole - step, microseconds(0));
    gaps_.note({fragment.wall_start - true_hole - seconds(1), fragment.wall_start},
               Reason::kClockStep, "");
  } else if (hole >= hole_threshold()) {
    note_gap({*covered_until_, fragment.wall_start}, Reason::kClockStep);
  } else if (hole <= -microseconds(seconds(1))) {
    facts_.append(store::DegradedNoted{
        identity_.id, {fragment.wall_start, *covered_until_}, Reason::kClockStep, 1});
  }
}

Reason Recorder::reason_for_hole(bool is_first_of_run, const RunCutter::Evidence& before) const {
  if (is_first_of_run && run_->cause == NewRun::kClockStep) return Reason::kClockStep;
  if (before.was_process_stalled) return Reason::kProcessStalled;
  if (before.damage) return *before.damage;
  if (before.silence >= hole_threshold() / 2) return Reason::kCameraStalled;
  // Media times left out what receipt did not.
  return Reason::kBadTimestamps;
}

void Recorder::note_stall(TimeRange hole) {
  const auto& stall = clock_.stall();
  if (!stall) return;
  hole.end = std::min(hole.end, clock_.wall_at(stall->end));
  gaps_.note(hole, Reason::kProcessStalled, "the recorder got no time to run");
}

void Recorder::note_lost_audio(const TrackCover& cover, WallTime until) {
  if (until - cover.end_wall < microseconds(seconds(1))) return;
  degraded_.add({cover.end_wall, until}, Reason::kAudioLost, 1);
}

void Recorder::open_gap(WallTime from, Reason reason, std::string_view detail) {
  if (gaps_.is_open() && gaps_.open_reason() == reason) return;
  gaps_.open(from, reason, detail);
  count_gap(reason);
  LT_LOG(logger_, kInfo, "gap.opened", {"recording", identity_.name}, {"reason", to_string(reason)},
         {"from", from}, {"detail", detail});
}

void Recorder::note_gap(TimeRange range, Reason reason) {
  gaps_.note(range, reason, "");
  count_gap(reason);
  LT_LOG(logger_, kWarning, "gap.noted", {"recording", identity_.name},
         {"reason", to_string(reason)}, {"from", range.start}, {"to", range.end});
}

void Recorder::count_gap(Reason reason) {
  metrics_
      .counter("longtake_gaps_total", "Gaps begun, by reason.",
               {{"recording", identity_.name}, {"reason", std::string(to_string(reason))}})
      .add();
}

/// Once the clock is right, says by how much the runs and gaps told under the wrong one have to
/// move. Waits for the end of the run that is open, which belongs to the wrong clock whole.
void Recorder::redate_if_due() {
  if (run_) return;
  gaps_.set_clock(clock_.offset(), clock_.is_wrong());
  if (!gaps_.is_clock_wrong() || clock_.is_wrong()) return;
  const microseconds right = clock_.offset();
  microseconds by = right - gaps_.clock_offset();
  const WallTime armed_at = armed_at_ + by;
  WallTime earliest = WallTime::max();
  for (const WrongRun& run : std::exchange(wrong_runs_, {})) {
    by = right - run.clock_offset;
    facts_.append(store::RunRedated{identity_.id, run.id, by});
    earliest = std::min(earliest, run.wall_start + by);
  }
  gaps_.retell(right);
  ask_for_since(earliest);
  if (was_armed_wrong_) {
    // Asked for since a moment that never was. Not before the rest is told again: this is right already.
    gaps_.note({armed_at_, armed_at}, Reason::kClockStep, "the machine's clock was not set");
    was_armed_wrong_ = false;
  }
  degraded_.shift(by);
  if (covered_until_ && is_covered_wrong_) *covered_until_ += by;
  is_covered_wrong_ = false;
  LT_LOG(logger_, kInfo, "clock.set", {"recording", identity_.name}, {"by", by});
}

void Recorder::tick() {
  const MonotonicTime now = executor_.clock().now();
  const MonotonicTime next((now.time_since_epoch() / kTick + 1) * kTick);
  clock_.beat(now, next);
  if (session_) {
    session_->timeline->on_time(now);
    if (run_) {
      run_->cutter.cut_stale(now);
      if (session_->last_received) map_run(run_->mapped_position);
      if (!run_->cutter.cuts().empty()) submit_ready(now);
    }
    watch_silence(now);
    watch_tracks();
    watch_clock();
  }
  redate_if_due();
  degraded_.flush_due(clock_.wall_at(now));
  timer_.start_at(next, [this] { tick(); });
}

void Recorder::watch_silence(MonotonicTime now) {
  const bool has_recorded = session_->last_received.has_value();
  const nanoseconds silence = now - session_->last_received.value_or(session_->started);
  if (has_recorded) {
    // What was received and not yet submitted is not missing.
    const bool is_undecided = run_ && !run_->cutter.cuts().empty();
    if (gaps_.is_open() || is_undecided || silence < hole_threshold() + kSilenceGrace) return;
    open_gap(*covered_until_, Reason::kCameraStalled, "the connection stands, but no media comes");
    if (clock_.was_stalled_within(*session_->last_received, now)) {
      note_stall({*covered_until_, clock_.wall_at(now)});
    }
    is_gap_provisional_ = true;
    set_state(RecordingState::kWaiting);
    return;
  }
  if (!session_->has_told_waiting && silence >= hole_threshold() + kSilenceGrace) {
    session_->has_told_waiting = true;
    open_gap(clock_.wall_at(session_->started),
             session_->has_media ? Reason::kNoKeyframe : Reason::kCameraStalled,
             "connected, but nothing to begin with has come");
  }
  const bool has_video_config = std::ranges::any_of(session_->configs, [](const auto& config) {
    return config->kind == media::TrackKind::kVideo;
  });
  if (!session_->goes_without_video && session_->has_media && !has_video_config &&
      silence >= kVideoWait) {
    end_run();
    session_->goes_without_video = true;
  }
}

/// Tells, while it lasts, what damages and does not end: times that cannot be right, sound that
/// stopped.
void Recorder::watch_tracks() {
  if (!run_ || !run_->is_told) return;
  if (session_->timeline->is_spaced_by_receipt()) {
    degraded_.add({*covered_until_, *covered_until_}, Reason::kBadTimestamps, 1);
  }
  for (TrackCover& cover : run_->covers) {
    if (run_->cutter.is_covering(cover.track)) continue;
    // Behind by more than the fragment that is open anyway.
    if (*covered_until_ - cover.end_wall < microseconds(seconds(3))) continue;
    degraded_.add({cover.end_wall, *covered_until_}, Reason::kAudioLost, 1);
    cover.end_wall = *covered_until_;
  }
}

/// A clock that turns out to have been right all along steps no run to its end, and a run is redated whole: it ends here.
void Recorder::watch_clock() {
  if (!run_ || !run_->info->is_time_uncertain || clock_.is_wrong()) return;
  if (std::chrono::abs(clock_.offset() - run_->clock_offset) >= seconds(1)) return;  // a step does
  for (const media::TrackConfigPtr& config : session_->configs) {
    if (config->kind == covering_kind()) session_->timeline->on_source_changed(config->track);
  }
}

}  // namespace longtake::archive
