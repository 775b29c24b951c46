#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "archive/pending_fragment.h"

namespace longtake::archive {

/// Cuts one track of one run into fragments that tile its time: each at most one GOP and about one
/// second.
///
/// Units      ticks in the track's timescale, from the run's start; positions on the run's clock.
/// Ownership  shares the access units of the open fragment.
/// Thread     confined to its owner's thread.
/// Limits     a fragment holds at most `kLength` (its last sample may reach half a second past it)
///            and limits::kFragmentBytes; nothing bounds the open one but its owner, who asks
///            `must_end_before` first.
/// Errors     none: decode times that do not grow are moved just behind the sample before.
/// Source     docs/design/recording.md, "Cutting"; ISO/IEC 14496-12 §8.8.
class Fragmenter {
 public:
  static constexpr microseconds kLength{1'000'000};
  static constexpr microseconds kLongest{1'500'000};

  /// Where the timeline puts a unit.
  struct Place {
    std::int64_t ticks = 0;
    std::int64_t composition_ticks = 0;
    microseconds position{0};
  };

  explicit Fragmenter(media::TrackConfigPtr config);
  /// Goes on behind the track's fragments of another config.
  Fragmenter(media::TrackConfigPtr config, const Fragmenter& before);

  [[nodiscard]] bool is_empty() const { return open_.empty(); }
  [[nodiscard]] std::size_t size() const { return open_.size(); }
  [[nodiscard]] microseconds start() const { return open_.front().place.position; }
  [[nodiscard]] microseconds last_start() const { return open_.back().place.position; }
  [[nodiscard]] MonotonicTime opened_at() const { return open_.front().unit->received; }
  [[nodiscard]] MonotonicTime last_received() const { return open_.back().unit->received; }
  [[nodiscard]] const media::TrackConfigPtr& config() const { return config_; }

  /// The usual distance between units: the length of a sample that nothing follows.
  void set_interval(microseconds interval);

  [[nodiscard]] bool must_end_before(const media::AccessUnit& unit, std::int64_t ticks) const;
  void add(media::AccessUnitPtr unit, Place place);

  /// How many samples of the open fragment start before `position`, within the length of one
  /// fragment.
  [[nodiscard]] std::size_t count_before(microseconds position) const;
  /// Takes the first `count` samples, at least one. The last one lasts until the sample behind it,
  /// or else until `next_ticks`, or else the usual time. Sets track, samples, times on the run's
  /// clock and flags; wall times, run and segment are the caller's.
  PendingFragment take(std::size_t count, std::optional<std::int64_t> next_ticks);
  /// Forgets the samples that start before `position`; returns how many.
  std::size_t discard_before(microseconds position);

 private:
  struct Sample {
    media::AccessUnitPtr unit;
    Place place;
  };
  [[nodiscard]] std::int64_t last_duration(const Sample& first, const Sample& last,
                                           std::int64_t end_ticks) const;

  media::TrackConfigPtr config_;
  std::int64_t length_ticks_;
  std::int64_t longest_ticks_;
  std::int64_t interval_ticks_;
  std::int64_t floor_ticks_ = INT64_MIN;  // end of what was taken: nothing starts before it
  std::size_t open_bytes_ = 0;
  std::vector<Sample> open_;
};

}  // namespace longtake::archive
