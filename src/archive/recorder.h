#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/clock_watch.h"
#include "archive/degraded_log.h"
#include "archive/gap_tracker.h"
#include "archive/pending_fragment.h"
#include "archive/run_cutter.h"
#include "media/item.h"
#include "media/timeline.h"
#include "store/fact.h"

namespace longtake::archive {

struct RecordingIdentity {
  media::RecordingId id;
  std::string name;
  /// It was asked for before this start: no new Armed fact, and the time since its last media is
  /// recovery's to explain (crash, power_loss, operator_stop), up to the first fragment or the
  /// first failed try to reach the camera.
  bool is_armed = false;
  /// A wall time that was certainly reached before this start. A clock that is behind it is wrong.
  std::optional<WallTime> last_known_wall;
};

/// Thinks for one recording with a running camera: decides runs, cuts fragments, gives them their
/// wall time, and has a reason for every moment without one.
///
/// From items to facts: each unit is placed by the session's timeline; the run's cutter makes
/// ordered fragments of them; they wait (1 s at most) until the anchor is known and the track set
/// complete, then go to the writer, and the ledger hears of runs, gaps and damage. A hole of max(1
/// s, 3 x the usual interval) is a gap, a smaller one is bridged. While recording, the time since
/// the last fragment is undecided: the timeline's "now" is the end of the last fragment.
///
/// Ownership  borrows everything; shares the access units of fragments not yet submitted.
/// Thread     confined to the shard behind `executor`; `state` from any thread. Destroy it on the
///            shard, after `finish`.
/// Limits     a few hundred nanoseconds per unit; holds at most about 2 s of media.
/// Errors     none: whatever comes, recording goes on, and what is odd is counted.
/// Source     docs/design/recording.md.
class Recorder final : public media::ItemSink {
 public:
  Recorder(RecordingIdentity identity, const RecordingConfig& config, FragmentSink& sink,
           store::FactSink& facts, std::function<media::RunId()> next_run, base::Executor& executor,
           base::Logger& logger, base::Metrics& metrics);
  ~Recorder() override = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void on_item(const media::Item& item) override;
  /// Submits what is open, finishes the segment, opens a gap for `reason`. Nothing is taken after
  /// it.
  void finish(media::Reason reason);

  [[nodiscard]] RecordingState state() const { return state_.load(std::memory_order_relaxed); }

 private:
  struct Session {
    MonotonicTime started;
    std::vector<media::TrackKind> kinds;
    std::vector<media::TrackConfigPtr> configs{};
    std::unique_ptr<media::Timeline> timeline;
    std::optional<MonotonicTime> first_config_at{};
    std::optional<MonotonicTime> last_received{};  // of the covering track's last unit taken
    bool has_media = false;                        // any unit at all
    bool has_key_frame = false;                    // from here on every unit is taken
    bool has_told_waiting = false;                 // why there is no picture yet
    bool has_recorded = false;                     // a fragment that covers
    bool goes_without_video = false;
    std::optional<media::Reason> damage{};  // to the covering track since its last unit
  };
  /// What the current run of one track has covered.
  struct TrackCover {
    media::TrackId track = 0;
    microseconds end_position{0};
    WallTime end_wall;
  };
  struct Run {
    std::shared_ptr<RunInfo> info;
    RunCutter cutter;
    media::Timeline::NewRun cause;
    microseconds clock_offset;  // wall minus monotonic at its start
    bool is_told = false;       // RunStarted is in the ledger
    std::vector<TrackCover> covers{};
    // The run's clock against the wall as last estimated: still good when the timeline has gone on
    // to the next run.
    microseconds mapped_position{0};
    WallTime mapped_wall{};
    microseconds uncertainty{0};
    MonotonicTime start{};
  };
  struct WrongRun {
    media::RunId id;
    microseconds clock_offset;
    WallTime wall_start;  // as it was believed
  };

  void on(const media::SessionStarted& started);
  void on(const media::TrackConfigPtr& config);
  void on(const media::AccessUnitPtr& unit);
  void on(const media::SourceChanged& changed);
  void on(const media::SenderReport& report);
  void on(const media::Damage& damage);
  void on(const media::Waiting& waiting);
  void on(const media::SessionEnded& ended);

  [[nodiscard]] media::TrackKind covering_kind() const;
  [[nodiscard]] bool admit(const media::AccessUnit& unit);
  void begin_run(media::Timeline::NewRun cause);
  void end_run();
  void end_session(media::Reason reason, const std::string& detail, MonotonicTime at);
  void map_run(microseconds position);

  void submit_ready(MonotonicTime now);
  [[nodiscard]] bool is_track_set_known(MonotonicTime now) const;
  void learn_intervals();
  void submit_all();
  void submit(RunCutter::Cut& cut);
  void place_covering(PendingFragment& fragment, bool is_first_of_run,
                      const RunCutter::Evidence& before);
  void explain_clock_step(const PendingFragment& fragment, microseconds hole);
  void note_lost_audio(const TrackCover& cover, WallTime until);
  void tell_run(const PendingFragment& first);
  void ask_for_since(WallTime time);
  [[nodiscard]] microseconds hole_threshold() const {
    return std::max<microseconds>(seconds(1), 3 * interval_);
  }
  [[nodiscard]] media::Reason reason_for_hole(bool is_first_of_run,
                                              const RunCutter::Evidence& before) const;

  /// Where a wait for the session's first picture began: not when it was first seen to be one.
  [[nodiscard]] WallTime waiting_since(MonotonicTime seen) const;
  void explain_late_start(WallTime first_picture);
  void open_gap(WallTime from, media::Reason reason, std::string_view detail);
  void note_gap(TimeRange range, media::Reason reason);
  void count_gap(media::Reason reason);
  void note_stall(TimeRange hole);
  void redate_if_due();
  void tick();
  void watch_silence(MonotonicTime now);
  void watch_tracks();
  void watch_clock();
  void set_state(RecordingState state);

  const RecordingIdentity identity_;
  const microseconds segment_length_;
  FragmentSink& sink_;
  store::FactSink& facts_;
  const std::function<media::RunId()> next_run_;
  base::Executor& executor_;
  base::Logger& logger_;
  base::Metrics& metrics_;
  base::Counter& runs_counter_;
  base::Counter& waiting_units_counter_;
  base::Counter& audio_units_counter_;

  std::atomic<RecordingState> state_{RecordingState::kWaiting};
  ClockWatch clock_;
  GapTracker gaps_;
  DegradedLog degraded_;
  WallTime armed_at_;
  WallTime asked_since_;  // recording has been asked for since then at the latest
  std::optional<Session> session_;
  std::optional<Run> run_;
  std::optional<WallTime> covered_until_;  // end of the last fragment that covers
  microseconds interval_{40'000};          // usual one of the covering track
  microseconds covered_offset_{0};         // wall minus monotonic as it was believed then
  bool is_covered_wrong_ = false;          // ... by a wrong clock
  bool was_armed_wrong_ = false;           // Armed was told by a wrong clock
  bool has_open_segment_ = false;          // the writer's, as far as we told it
  bool is_gap_provisional_ =
      false;  // the open gap is a silence, whose reason may turn out to be another
  std::vector<WrongRun> wrong_runs_;  // begun under a wrong clock and not yet redated
  base::Timer timer_;
};

}  // namespace longtake::archive
