#include "media/timeline.h"

#include <algorithm>
#include <map>

#include "media/track_clock.h"
#include "media/wall_line.h"

namespace longtake::media {

namespace {

using Verdict = TrackClock::Verdict;

// Sound and picture further apart than this are set right; below, media spacing is kept to the
// tick. Reports are exact, receipts are not; people notice about 45 ms (ITU-R BT.1359).
constexpr microseconds kReceiptTolerance = milliseconds(40);
constexpr microseconds kReportTolerance = milliseconds(10);
constexpr std::int64_t kSlewUntil = 4;  // fraction of the tolerance
// Reports that contradict receipt by more are about something else.
constexpr microseconds kReportsAgree = seconds(1);
// A carrying track silent for so long leaves the watch for clock steps to the others.
constexpr microseconds kSilence = seconds(5);
constexpr microseconds kLeastUncertainty = milliseconds(20);
constexpr microseconds kReceiptUncertainty = milliseconds(100);

microseconds since_boot(MonotonicTime time) {
  return std::chrono::duration_cast<microseconds>(time.time_since_epoch());
}

}  // namespace

struct Timeline::State {
  struct Track {
    explicit Track(const TrackClock& its_clock) : clock(its_clock) {}
    TrackClock clock;
    bool is_settled = false;  // placed against the carrier with both delays known
    bool is_slewing = false;
  };

  explicit State(const Options& its_options) : options(its_options), line(its_options.slew_ppm) {}

  Track& track_of(const AccessUnit& unit);
  NewRun cause_of_new_run(TrackId id, Verdict verdict) const;
  void begin_run(NewRun why, TrackId id, microseconds receipt);
  void join(TrackId id, Track& track, microseconds receipt);
  void align(Track& track, Verdict verdict, microseconds receipt);
  void follow_wall_clock(microseconds receipt, microseconds wall_minus_monotonic);
  void anchor_if_due(microseconds receipt);

  [[nodiscard]] const TrackClock& carrier() const { return tracks.at(carrier_id).clock; }
  [[nodiscard]] bool carries(TrackId id) const { return has_run && id == carrier_id; }
  [[nodiscard]] microseconds base() const;
  [[nodiscard]] microseconds placing_base() const;
  [[nodiscard]] std::optional<microseconds> floor_for(TrackId id, const Track& track,
                                                      microseconds receipt) const;
  struct Alignment {
    microseconds shift;
    microseconds tolerance;
  };
  [[nodiscard]] Alignment alignment(const TrackClock& clock) const;

  Options options;
  std::map<TrackId, Track> tracks;
  bool has_run = false;
  TrackId carrier_id = 0;
  bool is_anchored = false;
  microseconds anchoring_since{0};
  microseconds anchored_base{0};
  microseconds receipt_base{0};  // the base while the carrier is spaced by receipt
  WallLine line;
  microseconds last_receipt{0};
  microseconds wall_offset{0};           // wall minus monotonic, now
  microseconds followed_wall_offset{0};  // the same, slewed: what the run believes
};

/// Where the run's position 0 lies on the monotonic clock, by the best estimate of now.
microseconds Timeline::State::base() const {
  return carrier().is_trusted() ? carrier().least_delay() - carrier().shift() : receipt_base;
}

/// The same, by what the wall was said to be.
microseconds Timeline::State::placing_base() const {
  if (!has_run) return microseconds(0);
  if (!is_anchored) return base();
  return line.offset_at(carrier().last_position()) - followed_wall_offset;
}

std::optional<microseconds> Timeline::State::floor_for(TrackId id, const Track& track,
                                                       microseconds receipt) const {
  if (!is_anchored) return std::nullopt;
  if (carries(id)) return placing_base() + track.clock.shift();
  if (receipt - track.clock.watched_since() < options.anchor_window) return std::nullopt;
  return track.clock.least_delay();
}

Timeline::State::Track& Timeline::State::track_of(const AccessUnit& unit) {
  const std::uint32_t timescale_hz = unit.dts.timescale_hz();
  const auto known = tracks.find(unit.track);
  if (known != tracks.end()) {
    if (known->second.clock.timescale_hz() == timescale_hz) return known->second;
    tracks.erase(known);  // ticks of another length: another clock
  }
  return tracks.try_emplace(unit.track, TrackClock(options, timescale_hz)).first->second;
}

void Timeline::State::follow_wall_clock(microseconds receipt, microseconds wall_minus_monotonic) {
  const microseconds most =
      std::max(receipt - last_receipt, microseconds(0)) * options.slew_ppm / 1'000'000;
  wall_offset = wall_minus_monotonic;
  followed_wall_offset += std::clamp(wall_offset - followed_wall_offset, -most, most);
  last_receipt = std::max(last_receipt, receipt);
}

Timeline::NewRun Timeline::State::cause_of_new_run(TrackId id, Verdict verdict) const {
  if (!has_run) return NewRun::kFirst;
  const bool steps_clock =
      std::chrono::abs(wall_offset - followed_wall_offset) > options.clock_step_limit;
  const bool is_silent = last_receipt - carrier().receipt() > kSilence;
  if (steps_clock && (id == carrier_id || is_silent)) return NewRun::kClockStep;
  // A better carrier after the anchor is set: another time base.
  if (id < carrier_id && is_anchored) return NewRun::kSourceChanged;
  if (id != carrier_id) return NewRun::kNo;
  switch (verdict) {
    case Verdict::kGoesOn:
      return NewRun::kNo;
    case Verdict::kFirst:
      return NewRun::kSourceChanged;
    case Verdict::kJumped:
      return NewRun::kMediaJump;
    case Verdict::kAhead:
      return NewRun::kAheadOfReceipt;
  }
  return NewRun::kNo;
}

void Timeline::State::begin_run(NewRun why, TrackId id, microseconds receipt) {
  for (auto& [other, track] : tracks) {
    track.clock.leave_run();
    track.is_settled = false;
  }
  TrackClock& clock = tracks.at(id).clock;
  clock.join_run(-clock.media());
  has_run = true;
  carrier_id = id;
  is_anchored = false;
  // A step of our clock says nothing against the delays known so far.
  anchoring_since = why == NewRun::kClockStep ? clock.watched_since() : receipt;
  receipt_base = receipt;
  followed_wall_offset = wall_offset;
}

void Timeline::State::join(TrackId id, Track& track, microseconds receipt) {
  track.clock.join_run(alignment(track.clock).shift);
  track.is_settled = false;
  if (id > carrier_id) return;
  receipt_base = base();
  carrier_id = id;
  anchoring_since = receipt;
}

Timeline::State::Alignment Timeline::State::alignment(const TrackClock& clock) const {
  const microseconds by_receipt = clock.least_delay() - base();
  const auto theirs = clock.sender().wall_at_epoch();
  const auto carriers = carrier().sender().wall_at_epoch();
  if (!theirs || !carriers || !carrier().is_trusted()) return {by_receipt, kReceiptTolerance};
  const microseconds by_report = *theirs - *carriers + carrier().shift();
  if (std::chrono::abs(by_report - by_receipt) > kReportsAgree)
    return {by_receipt, kReceiptTolerance};
  return {by_report, kReportTolerance};
}

void Timeline::State::align(Track& track, Verdict verdict, microseconds receipt) {
  TrackClock& clock = track.clock;
  if (!clock.is_trusted()) return;
  const auto [shift, tolerance] = alignment(clock);
  const microseconds error = std::chrono::abs(shift - clock.shift());
  if (verdict != Verdict::kGoesOn) {
    clock.set_shift(shift);
    track.is_settled = false;
  }
  if (!track.is_settled) {
    if (!is_anchored || receipt - clock.watched_since() < options.anchor_window) return;
    // Once, at the end of the window: what was placed during a burst may be far off.
    if (error > tolerance) clock.set_shift(shift);
    track.is_settled = true;
    track.is_slewing = false;
    return;
  }
  if (error > tolerance) track.is_slewing = true;
  if (error <= tolerance / kSlewUntil) track.is_slewing = false;
  if (track.is_slewing) clock.slew_shift(shift, options.slew_ppm);
}

void Timeline::State::anchor_if_due(microseconds receipt) {
  if (!has_run || is_anchored || receipt - anchoring_since < options.anchor_window) return;
  anchored_base = base();
  line.start(carrier().last_position(), anchored_base + followed_wall_offset);
  is_anchored = true;
}

Timeline::Timeline(Options options) : state_(std::make_unique<State>(options)) {}
Timeline::~Timeline() = default;

Timeline::Position Timeline::place(const AccessUnit& unit, microseconds wall_minus_monotonic) {
  State& state = *state_;
  const microseconds receipt = since_boot(unit.received);
  state.anchor_if_due(receipt);
  state.follow_wall_clock(receipt, wall_minus_monotonic);

  State::Track& track = state.track_of(unit);
  const microseconds base = state.placing_base();
  const bool was_trusted = track.clock.is_trusted();
  const Verdict verdict =
      track.clock.observe(unit.dts, receipt, state.floor_for(unit.track, track, receipt), base);
  if (state.carries(unit.track) && was_trusted && !track.clock.is_trusted())
    state.receipt_base = base;

  Position position;
  position.new_run = state.cause_of_new_run(unit.track, verdict);
  if (position.new_run != NewRun::kNo) {
    state.begin_run(position.new_run, unit.track, receipt);
  } else if (!track.clock.is_in_run()) {
    state.join(unit.track, track, receipt);
  } else if (!state.carries(unit.track)) {
    state.align(track, verdict, receipt);
  }

  position.track_ticks = track.clock.place(state.placing_base());
  position.run_position = track.clock.last_position();
  position.composition_ticks = std::max<std::int64_t>((unit.pts - unit.dts).ticks(), 0);
  if (state.is_anchored && state.carries(unit.track)) {
    state.line.extend(position.run_position, state.base() + state.wall_offset);
  }
  state.anchor_if_due(receipt);
  position.is_anchored = state.is_anchored;
  return position;
}

void Timeline::on_source_changed(TrackId track) {
  const auto at = state_->tracks.find(track);
  if (at != state_->tracks.end()) at->second.clock.restart();
}

void Timeline::on_sender_report(const SenderReport& report) {
  const auto at = state_->tracks.find(report.track);
  if (at == state_->tracks.end()) return;
  const WallTime our_wall(since_boot(report.received) + state_->wall_offset);
  at->second.clock.on_sender_report(report.rtp_time, report.camera_wall, our_wall);
}

WallTime Timeline::wall_of(microseconds run_position) const {
  const State& state = *state_;
  if (!state.has_run) return WallTime(run_position);
  if (state.is_anchored) return WallTime(run_position + state.line.offset_at(run_position));
  return WallTime(run_position + state.base() + state.followed_wall_offset);
}

microseconds Timeline::uncertainty() const {
  const State& state = *state_;
  if (!state.has_run) return state.options.anchor_window;
  microseconds sum = state.carrier().is_trusted() ? kLeastUncertainty : kReceiptUncertainty;
  if (!state.is_anchored) return sum + state.options.anchor_window;
  const microseconds said = state.line.offset_at(state.carrier().last_position());
  return sum + std::chrono::abs(state.base() + state.wall_offset - said);
}

bool Timeline::is_anchored() const { return state_->is_anchored; }

void Timeline::on_time(MonotonicTime now) { state_->anchor_if_due(since_boot(now)); }

MonotonicTime Timeline::run_start() const {
  const State& state = *state_;
  if (!state.has_run) return MonotonicTime();
  return MonotonicTime(state.is_anchored ? state.anchored_base : state.base());
}

bool Timeline::is_spaced_by_receipt() const {
  return state_->has_run && !state_->carrier().is_trusted();
}

std::optional<double> Timeline::media_drift_ppm() const {
  if (!state_->has_run) return std::nullopt;
  return state_->carrier().drift_ppm();
}

std::optional<microseconds> Timeline::camera_clock_skew() const {
  if (!state_->has_run) return std::nullopt;
  return state_->carrier().sender().skew();
}

std::optional<microseconds> Timeline::median_interval(TrackId track) const {
  const auto at = state_->tracks.find(track);
  if (at == state_->tracks.end()) return std::nullopt;
  return at->second.clock.median_interval();
}

}  // namespace longtake::media
