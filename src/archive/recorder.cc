#include "archive/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

// From items to fragments with their walls. What is missing, and why, is told in recorder_gaps.cc.
namespace longtake::archive {
namespace {

using media::Reason;
using NewRun = media::Timeline::NewRun;

/// How long a segment waits for tracks that were promised and have not said what they are.
constexpr nanoseconds kTrackSetWait = seconds(1);
/// How far back from its discovery damage may lie.
constexpr nanoseconds kDamageReach = std::chrono::seconds(5);
/// Fragments closer than this are one behind the other; it covers the rounding of ticks.
constexpr microseconds kContiguous{1'000};

std::string_view cause_name(NewRun cause) {
  switch (cause) {
    case NewRun::kNo:
    case NewRun::kFirst:
      return "session";
    case NewRun::kMediaJump:
      return "media_jump";
    case NewRun::kAheadOfReceipt:
      return "ahead_of_receipt";
    case NewRun::kClockStep:
      return "clock_step";
    case NewRun::kSourceChanged:
      return "source_changed";
  }
  return "session";
}

media::TrackConfigPtr find_config(const std::vector<media::TrackConfigPtr>& configs,
                                  media::TrackId track) {
  const auto found =
      std::ranges::find(configs, track, [](const auto& config) { return config->track; });
  return found == configs.end() ? nullptr : *found;
}

}  // namespace

Recorder::Recorder(RecordingIdentity identity, const RecordingConfig& config, FragmentSink& sink,
                   store::FactSink& facts, std::function<media::RunId()> next_run,
                   base::Executor& executor, base::Logger& logger, base::Metrics& metrics)
    : identity_(std::move(identity)),
      segment_length_(config.segment_length),
      sink_(sink),
      facts_(facts),
      next_run_(std::move(next_run)),
      executor_(executor),
      logger_(logger),
      metrics_(metrics),
      runs_counter_(metrics.counter("longtake_runs_total",
                                    "Runs begun: sessions, media jumps, clock steps.",
                                    {{"recording", identity_.name}})),
      waiting_units_counter_(
          metrics.counter("longtake_units_before_key_frame_total",
                          "Pictures not recorded because no key frame had come yet.",
                          {{"recording", identity_.name}})),
      audio_units_counter_(metrics.counter("longtake_audio_units_discarded_total",
                                           "Sound that no segment could take.",
                                           {{"recording", identity_.name}})),
      clock_(executor.clock(), identity_.last_known_wall),
      gaps_(identity_.id, facts),
      degraded_(identity_.id, facts),
      armed_at_(clock_.wall_at(executor.clock().now())),
      asked_since_(identity_.is_armed ? identity_.last_known_wall.value_or(armed_at_) : armed_at_),
      timer_(executor) {
  gaps_.set_clock(clock_.offset(), clock_.is_wrong());
  if (identity_.is_armed) {
    gaps_.assume_downtime(armed_at_);
  } else {
    facts_.append(store::Armed{identity_.id, armed_at_});
    was_armed_wrong_ = clock_.is_wrong();
    open_gap(armed_at_, Reason::kCameraDisconnected, "not connected yet");
  }
  if (clock_.is_wrong()) {
    LT_LOG(logger_, kWarning, "clock.wrong", {"recording", identity_.name}, {"wall", armed_at_},
           {"next", "recording goes on; its times are corrected once the clock is set"});
  }
  tick();
}

void Recorder::on_item(const media::Item& item) {
  if (state() == RecordingState::kStopped) return;
  std::visit([this](const auto& one) { on(one); }, item);
}

void Recorder::finish(Reason reason) {
  if (state() == RecordingState::kStopped) return;
  const MonotonicTime now = executor_.clock().now();
  end_session(reason, "", now);
  degraded_.flush(clock_.wall_at(now));
  timer_.cancel();
  set_state(RecordingState::kStopped);
}

void Recorder::on(const media::SessionStarted& started) {
  clock_.observe(executor_.clock().now());
  if (session_) end_session(Reason::kCameraDisconnected, "a new session began", started.at);
  session_ = Session{.started = started.at,
                     .kinds = started.kinds,
                     .timeline = std::make_unique<media::Timeline>(media::Timeline::Options{})};
  redate_if_due();
}

void Recorder::on(const media::SessionEnded& ended) {
  end_session(ended.reason, ended.detail, ended.at);
}

void Recorder::end_session(Reason reason, const std::string& detail, MonotonicTime at) {
  const MonotonicTime now = executor_.clock().now();
  clock_.observe(now);
  end_run();
  if (std::exchange(has_open_segment_, false)) sink_.finish_segment();
  const bool may_replace = is_gap_provisional_ || !gaps_.is_open();
  const WallTime from = may_replace && covered_until_ ? *covered_until_ : clock_.wall_at(at);
  open_gap(from, reason, detail);
  if (session_ && session_->last_received &&
      clock_.was_stalled_within(*session_->last_received, now)) {
    note_stall({from, clock_.wall_at(clock_.stall()->end)});
  }
  session_.reset();
  is_gap_provisional_ = false;
  set_state(RecordingState::kWaiting);
  redate_if_due();
}

void Recorder::on(const media::TrackConfigPtr& config) {
  if (!session_) return;
  if (config->kind == media::TrackKind::kVideo && session_->goes_without_video) {
    // The picture came after all: it leads from here on.
    end_run();
    session_->goes_without_video = false;
    session_->has_key_frame = false;
  }
  auto& configs = session_->configs;
  const auto known =
      std::ranges::find(configs, config->track, [](const auto& one) { return one->track; });
  if (known != configs.end()) {
    *known = config;
  } else {
    configs.push_back(config);
  }
  if (!session_->first_config_at) session_->first_config_at = executor_.clock().now();
  if (run_) run_->cutter.set_config(config);
}

media::TrackKind Recorder::covering_kind() const {
  const auto is_video = [](media::TrackKind kind) { return kind == media::TrackKind::kVideo; };
  const bool has_video = !session_->goes_without_video &&
                         (std::ranges::any_of(session_->kinds, is_video) ||
                          std::ranges::any_of(session_->configs, [&](const auto& config) {
                            return is_video(config->kind);
                          }));
  return has_video ? media::TrackKind::kVideo : media::TrackKind::kAudio;
}

void Recorder::on(const media::AccessUnitPtr& unit) {
  if (!session_) return;
  const media::TrackConfigPtr config = find_config(session_->configs, unit->track);
  if (config == nullptr) return;
  clock_.observe(unit->received);
  const auto place = session_->timeline->place(*unit, clock_.offset());
  if (place.new_run != NewRun::kNo) end_run();
  session_->has_media = true;

  const bool is_covering = config->kind == covering_kind();
  if (is_covering && !admit(*unit)) return;
  if (!run_) begin_run(place.new_run);
  RunCutter::Evidence before;
  if (is_covering) {
    if (const auto last = std::exchange(session_->last_received, unit->received)) {
      before.silence = unit->received - *last;
      before.was_process_stalled = clock_.was_stalled_within(*last, unit->received);
    }
    before.damage = std::exchange(session_->damage, std::nullopt);
  }
  run_->cutter.add(unit, {place.track_ticks, place.composition_ticks, place.run_position}, before);
  if (is_covering) map_run(place.run_position);
  if (!run_->cutter.cuts().empty()) submit_ready(unit->received);
}

void Recorder::on(const media::SourceChanged& changed) {
  if (session_) session_->timeline->on_source_changed(changed.track);
}

void Recorder::on(const media::SenderReport& report) {
  if (session_) session_->timeline->on_sender_report(report);
}

void Recorder::on(const media::Damage& damage) {
  clock_.observe(damage.at);
  const WallTime at = clock_.wall_at(damage.at);
  // What is missing lies between the last unit and the one that showed it.
  const MonotonicTime before = session_ ? session_->last_received.value_or(damage.at) : damage.at;
  const WallTime from = clock_.wall_at(std::max(before, damage.at - kDamageReach));
  degraded_.add({std::min(from, at), at}, damage.reason, damage.count);
  if (!session_) return;
  const media::TrackConfigPtr config = find_config(session_->configs, damage.track);
  if (config == nullptr || config->kind != covering_kind()) return;
  // A unit that was dropped for its size takes its GOP with it; packets lost beside it explain less.
  if (session_->damage != Reason::kOversize) session_->damage = damage.reason;
}

void Recorder::on(const media::Waiting& waiting) {
  if (!session_) return;
  clock_.observe(waiting.at);
  if (!gaps_.is_open() && session_->has_key_frame) return;  // recording; a silence tells itself
  open_gap(waiting_since(waiting.at), waiting.reason, "");
  session_->has_told_waiting = true;
}

/// Whether a unit of the covering track is recorded: everything from the first one that decodes
/// alone.
bool Recorder::admit(const media::AccessUnit& unit) {
  if (session_->has_key_frame) return true;
  if (unit.is_sync) {
    session_->has_key_frame = true;
    return true;
  }
  waiting_units_counter_.add();
  open_gap(waiting_since(unit.received), Reason::kNoKeyframe, "media comes, but no key frame yet");
  session_->has_told_waiting = true;
  return false;
}

void Recorder::begin_run(NewRun cause) {
  redate_if_due();
  auto info = std::make_shared<RunInfo>();
  info->id = next_run_();
  info->start = session_->timeline->run_start();
  info->is_time_uncertain = clock_.is_wrong();
  run_.emplace(Run{.info = info,
                   .cutter = RunCutter(info, covering_kind(), segment_length_),
                   .cause = cause,
                   .clock_offset = clock_.offset()});
  for (const media::TrackConfigPtr& config : session_->configs) run_->cutter.set_config(config);
  runs_counter_.add();
}

void Recorder::end_run() {
  if (!run_) return;
  run_->cutter.end();
  submit_all();
  run_.reset();
}

void Recorder::map_run(microseconds position) {
  run_->mapped_position = position;
  run_->mapped_wall = session_->timeline->wall_of(position);
  run_->uncertainty = session_->timeline->uncertainty();
  run_->start = session_->timeline->run_start();
}

bool Recorder::is_track_set_known(MonotonicTime now) const {
  if (session_->first_config_at && now - *session_->first_config_at >= kTrackSetWait) return true;
  return std::ranges::all_of(session_->kinds, [&](media::TrackKind kind) {
    return std::ranges::any_of(session_->configs,
                               [&](const auto& config) { return config->kind == kind; });
  });
}

void Recorder::submit_ready(MonotonicTime now) {
  if (!session_->timeline->is_anchored() || !is_track_set_known(now)) return;
  submit_all();
}

void Recorder::learn_intervals() {
  for (const media::TrackConfigPtr& config : session_->configs) {
    const auto interval = session_->timeline->median_interval(config->track);
    if (!interval) continue;
    run_->cutter.set_interval(config->track, *interval);
    if (run_->cutter.is_covering(config->track)) interval_ = *interval;
  }
}

void Recorder::submit_all() {
  learn_intervals();
  run_->cutter.freeze_tracks();
  for (RunCutter::Cut& cut : run_->cutter.cuts()) submit(cut);
  run_->cutter.cuts().clear();
  if (const std::size_t discarded = run_->cutter.take_discarded(); discarded > 0) {
    audio_units_counter_.add(static_cast<double>(discarded));
    const WallTime at = covered_until_.value_or(run_->mapped_wall);
    degraded_.add({at, at}, Reason::kAudioLost, discarded);
  }
}

void Recorder::submit(RunCutter::Cut& cut) {
  PendingFragment& fragment = cut.fragment;
  const auto wall_of = [&](microseconds position) {
    return run_->mapped_wall + (position - run_->mapped_position);
  };
  auto cover = std::ranges::find(run_->covers, fragment.track, &TrackCover::track);
  const bool is_first_of_track = cover == run_->covers.end();
  if (is_first_of_track) {
    run_->covers.push_back({fragment.track, {}, {}});
    cover = std::prev(run_->covers.end());
  }
  fragment.wall_start = wall_of(fragment.run_position);
  if (!is_first_of_track) {
    const bool is_contiguous = fragment.run_position - cover->end_position < kContiguous;
    fragment.wall_start =
        is_contiguous ? cover->end_wall : std::max(fragment.wall_start, cover->end_wall);
  }
  // Slewed a little between fragments; it never stands still or runs backward.
  const WallTime end = std::max(wall_of(cut.end_position), fragment.wall_start + microseconds(1));
  fragment.wall_duration = end - fragment.wall_start;
  fragment.wall_uncertainty = run_->uncertainty;

  const bool is_first_of_run = !std::exchange(run_->is_told, true);
  if (is_first_of_run) tell_run(fragment);
  if (cut.is_covering) {
    place_covering(fragment, is_first_of_run, cut.before);
  } else if (!is_first_of_track) {
    note_lost_audio(*cover, fragment.wall_start);
  }
  *cover = {fragment.track, cut.end_position, end};
  if (cut.is_covering) {
    covered_until_ = end;
    covered_offset_ = run_->clock_offset;
    is_covered_wrong_ = run_->info->is_time_uncertain;
    set_state(RecordingState::kRecording);
  }
  has_open_segment_ = true;
  sink_.submit(std::move(fragment));
}

void Recorder::tell_run(const PendingFragment& first) {
  run_->info->start = run_->start;
  facts_.append(store::RunStarted{identity_.id, run_->info->id, first.wall_start, run_->uncertainty,
                                  run_->info->is_time_uncertain,
                                  std::string(cause_name(run_->cause))});
  LT_LOG(logger_, kDebug, "run.started", {"recording", identity_.name},
         {"run", run_->info->id.value}, {"wall", first.wall_start},
         {"cause", cause_name(run_->cause)});
  if (run_->info->is_time_uncertain) {
    wrong_runs_.push_back({run_->info->id, run_->clock_offset, first.wall_start});
  } else {
    ask_for_since(first.wall_start);
  }
}

/// A clock that was ahead and is set back records at times before recording was asked for, which nobody would be shown.
/// What is recorded was asked for; what is not, until the time already told, is the step's.
void Recorder::ask_for_since(WallTime time) {
  if (time >= asked_since_ - ClockWatch::kBackwardTolerance) return;
  facts_.append(store::Disarmed{identity_.id, asked_since_});
  facts_.append(store::Armed{identity_.id, time});
  gaps_.note({time, asked_since_}, Reason::kClockStep, "the machine's clock was set back");
  asked_since_ = time;
}

void Recorder::set_state(RecordingState state) {
  if (state_.exchange(state, std::memory_order_relaxed) == state) return;
  const std::string_view name = state == RecordingState::kRecording ? "recording"
                                : state == RecordingState::kWaiting ? "waiting"
                                                                    : "stopped";
  LT_LOG(logger_, kInfo, "recording.state", {"recording", identity_.name}, {"state", name});
}

}  // namespace longtake::archive
