#include "archive/run_cutter.h"

#include <algorithm>
#include <utility>

namespace longtake::archive {
namespace {

/// Key frames come a little early now and then; a segment is not made a GOP longer for that.
constexpr microseconds kEarlyKey{250'000};

}  // namespace

RunCutter::RunCutter(std::shared_ptr<RunInfo> run, media::TrackKind covering_kind,
                     microseconds segment_length)
    : run_(std::move(run)), covering_kind_(covering_kind), segment_length_(segment_length) {}

RunCutter::Track* RunCutter::find(media::TrackId id) {
  const auto found = std::ranges::find(
      tracks_, id, [](const Track& track) { return track.fragmenter.config()->track; });
  return found == tracks_.end() ? nullptr : &*found;
}

bool RunCutter::is_covering(media::TrackId id) const {
  return std::ranges::any_of(tracks_, [&](const Track& track) {
    return track.fragmenter.config()->track == id && is_covering(track);
  });
}

void RunCutter::set_config(const media::TrackConfigPtr& config) {
  Track* track = find(config->track);
  if (track == nullptr) {
    Track& added = tracks_.emplace_back(config);
    if (!segment_start_) return;
    // The first segment takes it while it has not gone out; otherwise another one begins for it.
    if (is_frozen_ || is_covering(added)) {
      wants_segment_ = true;
    } else {
      run_->tracks.push_back(config);
      added.is_in_segment = true;
    }
    return;
  }
  if (*track->fragmenter.config() == *config) {
    track->next_config = nullptr;
    return;
  }
  track->next_config = config;
}

void RunCutter::set_interval(media::TrackId id, microseconds interval) {
  if (Track* track = find(id)) track->fragmenter.set_interval(interval);
}

std::size_t RunCutter::take_discarded() { return std::exchange(discarded_, 0); }

void RunCutter::take_up_config(Track& track) {
  const media::TrackConfigPtr config = std::exchange(track.next_config, nullptr);
  if (is_covering(track)) {
    if (!track.fragmenter.is_empty()) cut_covering(track, std::nullopt);
    must_begin_segment_ = true;
  } else {
    if (track.is_in_segment) {
      emit_all(track);
    } else if (segment_start_) {
      discarded_ += track.fragmenter.size();
    }
    wants_segment_ = true;
  }
  track.fragmenter = Fragmenter(config, track.fragmenter);
  track.is_in_segment = false;
}

void RunCutter::add(const media::AccessUnitPtr& unit, Fragmenter::Place place,
                    const Evidence& before) {
  Track* track = find(unit->track);
  if (track == nullptr) return;
  if (track->next_config != nullptr) {
    // The old fragment ends where the new kind begins, if one clock counts both.
    if (is_covering(*track) && !track->fragmenter.is_empty() &&
        track->fragmenter.config()->timescale_hz == track->next_config->timescale_hz) {
      cut_covering(*track, place.ticks);
    }
    take_up_config(*track);
  }
  if (is_covering(*track)) {
    add_covering(*track, unit, place, before);
  } else {
    add_other(*track, unit, place);
  }
  track->newest = place.position;
}

void RunCutter::add_covering(Track& track, const media::AccessUnitPtr& unit,
                             Fragmenter::Place place, const Evidence& before) {
  if (track.fragmenter.must_end_before(*unit, place.ticks)) cut_covering(track, place.ticks);
  if (track.fragmenter.is_empty()) {
    decide_segment(track, *unit, place.position);
    open_evidence_ = before;
  }
  track.fragmenter.add(unit, place);
}

void RunCutter::decide_segment(const Track& track, const media::AccessUnit& unit,
                               microseconds position) {
  open_is_off_key_ = false;
  open_begins_segment_ = must_begin_segment_ || !segment_start_;
  if (!open_begins_segment_) {
    const microseconds length = position - *segment_start_;
    const bool is_full = length >= segment_length_ - std::min(kEarlyKey, segment_length_ / 4);
    open_begins_segment_ =
        (unit.is_sync && (is_full || wants_segment_)) || length >= 2 * segment_length_;
  }
  if (open_begins_segment_) {
    open_is_off_key_ = !unit.is_sync && track.fragmenter.config()->kind == media::TrackKind::kVideo;
  }
}

void RunCutter::add_other(Track& track, const media::AccessUnitPtr& unit, Fragmenter::Place place) {
  if (track.is_in_segment && place.position < *segment_start_) {
    ++discarded_;  // so late that its segment is over
    return;
  }
  track.fragmenter.add(unit, place);
  if (track.fragmenter.last_start() - track.fragmenter.start() < kLongestWait) return;
  // The covering track is silent, or this one is not in the file yet.
  const bool has_room = segment_start_ && track.is_in_segment &&
                        track.fragmenter.start() - *segment_start_ < 2 * segment_length_;
  if (has_room) {
    emit(track, track.fragmenter.count_before(microseconds::max()));
  } else {
    const std::size_t dropped =
        track.fragmenter.discard_before(track.fragmenter.last_start() - Fragmenter::kLength);
    if (segment_start_) discarded_ += dropped;
  }
}

void RunCutter::cut_covering(Track& track, std::optional<std::int64_t> next_ticks) {
  Cut cut;
  cut.fragment = track.fragmenter.take(track.fragmenter.size(), next_ticks);
  cut.is_covering = true;
  cut.before = open_evidence_;
  const microseconds start = cut.fragment.run_position;
  cut.end_position = start + media::to_microseconds({cut.fragment.duration_ticks,
                                                     track.fragmenter.config()->timescale_hz});
  if (open_begins_segment_) {
    cut_others(start, Last::kGoesOut);
    begin_segment(cut.fragment);
  }
  cut.fragment.run = run_;
  cuts_.push_back(std::move(cut));
  cut_others(cuts_.back().end_position, Last::kKeepsWaiting);
}

void RunCutter::begin_segment(PendingFragment& fragment) {
  const microseconds start = fragment.run_position;
  fragment.starts_segment = true;
  fragment.is_off_key = open_is_off_key_;
  const bool is_first = !segment_start_;
  segment_start_ = start;
  open_begins_segment_ = must_begin_segment_ = wants_segment_ = false;

  std::vector<media::TrackConfigPtr> tracks;
  for (Track& track : tracks_) {
    const bool is_present =
        is_covering(track) || is_first || (track.newest && start - *track.newest < kAbsentAfter);
    if (is_present) tracks.push_back(track.fragmenter.config());
    if (!is_covering(track) && !track.is_in_segment) {
      const std::size_t dropped = track.fragmenter.discard_before(start);
      if (!is_first) discarded_ += dropped;
    }
    track.is_in_segment = is_present;
  }
  if (is_first) {
    run_->tracks = std::move(tracks);
    return;
  }
  is_frozen_ = true;
  if (tracks == run_->tracks) return;
  auto changed = std::make_shared<RunInfo>(*run_);
  changed->tracks = std::move(tracks);
  run_ = std::move(changed);
}

void RunCutter::cut_others(microseconds until, Last last) {
  for (Track& track : tracks_) {
    if (is_covering(track) || !track.is_in_segment) continue;
    while (std::size_t count = track.fragmenter.count_before(until)) {
      // The newest one's length is known when the next one comes.
      if (last == Last::kKeepsWaiting && count == track.fragmenter.size()) --count;
      if (count == 0) break;
      emit(track, count);
    }
  }
}

void RunCutter::emit_all(Track& track) {
  while (!track.fragmenter.is_empty()) {
    emit(track, track.fragmenter.count_before(microseconds::max()));
  }
}

void RunCutter::emit(Track& track, std::size_t count) {
  Cut cut;
  cut.fragment = track.fragmenter.take(count, std::nullopt);
  cut.fragment.run = run_;
  cut.end_position =
      cut.fragment.run_position + media::to_microseconds({cut.fragment.duration_ticks,
                                                          track.fragmenter.config()->timescale_hz});
  cuts_.push_back(std::move(cut));
}

void RunCutter::cut_stale(MonotonicTime now) {
  for (Track& track : tracks_) {
    if (track.fragmenter.is_empty()) continue;
    if (is_covering(track)) {
      if (now - track.fragmenter.opened_at() >= kStaleAfter) cut_covering(track, std::nullopt);
    } else if (track.is_in_segment && now - track.fragmenter.last_received() >= kStaleAfter) {
      emit_all(track);
    }
  }
}

void RunCutter::end() {
  for (Track& track : tracks_) {
    if (is_covering(track) && !track.fragmenter.is_empty()) cut_covering(track, std::nullopt);
  }
  cut_others(microseconds::max(), Last::kGoesOut);
}

}  // namespace longtake::archive
