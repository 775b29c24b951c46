#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "archive/fragmenter.h"
#include "archive/pending_fragment.h"
#include "media/reason.h"

namespace longtake::archive {

/// Cuts all tracks of one run into fragments, in the order in which they belong into files, and
/// says where a segment begins. Knows the run's clock only: wall times, gaps and waiting are the
/// recorder's.
///
/// The covering track (video, or audio where there is no video) leads. When one of its fragments
/// ends it goes out, and behind it what the other tracks have up to there. A segment begins at a
/// key frame of the covering track once the target length is reached or the track set has changed;
/// off a key frame at twice that length. What another track has from before a segment's start goes
/// into the segment before, so that nothing in a file is older than its beginning.
///
/// Units      positions on the run's clock; ticks in each track's timescale.
/// Thread     confined to its owner's thread.
/// Limits     another track waits for the covering one for at most `kLongestWait` of media; then it
///            goes out on its own until twice the segment length, and is discarded past that (the
///            covering track is gone, which is a gap anyway).
/// Source     docs/design/recording.md, "Cutting".
class RunCutter {
 public:
  static constexpr microseconds kLongestWait{2'000'000};
  static constexpr nanoseconds kStaleAfter =
      milliseconds(1250);  // an open fragment nothing follows is cut then
  static constexpr microseconds kAbsentAfter{
      10'000'000};  // a track silent for so long is not in the next segment

  /// What the recorder knows about the time before a fragment of the covering track.
  struct Evidence {
    nanoseconds silence{0};  // between the receipt of its first unit and of the one before
    std::optional<media::Reason> damage{};  // what was lost or dropped in between
    bool was_process_stalled = false;
  };
  struct Cut {
    PendingFragment fragment;  // all but its wall times
    microseconds end_position{0};
    bool is_covering = false;
    Evidence before;
  };

  /// `run` is filled with tracks as they are known, until `freeze_tracks`.
  RunCutter(std::shared_ptr<RunInfo> run, media::TrackKind covering_kind,
            microseconds segment_length);

  /// A track, or what changes about it: in force with the track's next unit; in the file from the
  /// next segment on.
  void set_config(const media::TrackConfigPtr& config);
  void set_interval(media::TrackId track, microseconds interval);
  /// Units of tracks without a config are none of ours.
  void add(const media::AccessUnitPtr& unit, Fragmenter::Place place, const Evidence& before);
  /// Cuts what has been open for too long because nothing follows it.
  void cut_stale(MonotonicTime now);
  /// Cuts everything: the run is over.
  void end();

  /// From here on the run's first segment has the tracks it has.
  void freeze_tracks() { is_frozen_ = true; }
  /// What was cut since it was last taken; the owner moves it away.
  std::vector<Cut>& cuts() { return cuts_; }
  /// Units that no segment could take since the last call (audio of a new kind before the next key
  /// frame).
  std::size_t take_discarded();
  [[nodiscard]] bool is_covering(media::TrackId track) const;

 private:
  struct Track {
    explicit Track(media::TrackConfigPtr config) : fragmenter(std::move(config)) {}
    Fragmenter fragmenter;
    media::TrackConfigPtr next_config;   // waits for its first unit
    std::optional<microseconds> newest;  // position of the latest unit
    bool is_in_segment = false;
  };
  enum class Last { kKeepsWaiting, kGoesOut };

  Track* find(media::TrackId track);
  [[nodiscard]] bool is_covering(const Track& track) const {
    return track.fragmenter.config()->kind == covering_kind_;
  }
  void take_up_config(Track& track);
  void add_covering(Track& track, const media::AccessUnitPtr& unit, Fragmenter::Place place,
                    const Evidence& before);
  void add_other(Track& track, const media::AccessUnitPtr& unit, Fragmenter::Place place);
  void decide_segment(const Track& track, const media::AccessUnit& unit, microseconds position);
  void cut_covering(Track& track, std::optional<std::int64_t> next_ticks);
  void begin_segment(PendingFragment& fragment);
  void cut_others(microseconds until, Last last);
  void emit(Track& track, std::size_t count);
  void emit_all(Track& track);

  std::shared_ptr<RunInfo> run_;
  media::TrackKind covering_kind_;
  microseconds segment_length_;
  std::vector<Track> tracks_;
  std::vector<Cut> cuts_;
  bool is_frozen_ = false;
  bool must_begin_segment_ = true;    // the covering track changed: at its next fragment
  bool wants_segment_ = false;        // another track changed: at the next key frame
  bool open_begins_segment_ = false;  // the covering track's open fragment does
  bool open_is_off_key_ = false;
  Evidence open_evidence_;
  std::optional<microseconds> segment_start_;  // nothing before the first fragment of the run
  std::size_t discarded_ = 0;
};

}  // namespace longtake::archive
