#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/recorder.h"
#include "base/manual_executor.h"
#include "media/coverage.h"

/// For tests: a recorder in virtual time with a camera that does as it is told, and a catalog small
/// enough to see through.
namespace longtake::archive {

struct FragmentLog final : FragmentSink {
  void submit(PendingFragment fragment) override { fragments.push_back(std::move(fragment)); }
  void finish_segment() override { finished_after.push_back(fragments.size()); }

  [[nodiscard]] std::vector<PendingFragment> of(media::TrackId track) const {
    std::vector<PendingFragment> found;
    std::ranges::copy_if(fragments, std::back_inserter(found),
                         [&](const PendingFragment& fragment) { return fragment.track == track; });
    return found;
  }
  [[nodiscard]] std::size_t segment_count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        fragments, [](const auto& fragment) { return fragment.starts_segment; }));
  }

  std::vector<PendingFragment> fragments;
  std::vector<std::size_t>
      finished_after;  // number of fragments submitted before each finish_segment
};

struct FactLog final : store::FactSink {
  void append(store::Fact fact) override { facts.push_back(std::move(fact)); }

  template <class T>
  [[nodiscard]] std::vector<T> of() const {
    std::vector<T> found;
    for (const store::Fact& fact : facts) {
      if (const T* one = std::get_if<T>(&fact)) found.push_back(*one);
    }
    return found;
  }

  std::vector<store::Fact> facts;
};

/// What the catalog makes of fragments and facts.
inline media::TimelineAnswer timeline_of(const FragmentLog& media_log, const FactLog& fact_log,
                                         WallTime now) {
  std::map<media::RunId, microseconds> redated;
  media::TimeRanges asked;
  std::vector<media::ReasonSpan> reasons;
  std::optional<std::size_t> open;
  const auto end_open = [&](WallTime at) {
    if (open) reasons[*open].range.end = at;
    open.reset();
  };
  for (const store::Fact& fact : fact_log.facts) {
    if (const auto* armed = std::get_if<store::Armed>(&fact)) asked.add({armed->at, now});
    if (const auto* run = std::get_if<store::RunRedated>(&fact)) redated[run->run] += run->by;
    if (const auto* gap = std::get_if<store::GapOpened>(&fact)) {
      end_open(gap->from);
      open = reasons.size();
      reasons.push_back({{gap->from, WallTime::max()}, gap->reason});
    }
    if (const auto* gap = std::get_if<store::GapClosed>(&fact)) end_open(gap->to);
    if (const auto* gap = std::get_if<store::GapNoted>(&fact))
      reasons.push_back({gap->range, gap->reason});
  }
  media::TimeRanges recorded;
  for (const PendingFragment& fragment : media_log.fragments) {
    const auto& tracks = fragment.run->tracks;
    const auto is_video = [](const auto& config) {
      return config->kind == media::TrackKind::kVideo;
    };
    const bool has_video = std::ranges::any_of(tracks, is_video);
    const auto track =
        std::ranges::find(tracks, fragment.track, [](const auto& one) { return one->track; });
    if (has_video && (track == tracks.end() || !is_video(*track))) continue;
    const auto moved = redated.find(fragment.run->id);
    const microseconds by = moved == redated.end() ? microseconds(0) : moved->second;
    recorded.add({fragment.covered().start + by, fragment.covered().end + by});
  }
  return media::explain(asked, recorded, reasons, now);
}

class RecorderBench {
 public:
  static constexpr media::TrackId kVideo = 1;
  static constexpr media::TrackId kAudio = 2;
  static constexpr std::int64_t kVideoHz = 90'000;
  static constexpr std::int64_t kAudioHz = 16'000;

  explicit RecorderBench(RecordingIdentity identity = {media::RecordingId{7}, "front", false,
                                                       std::nullopt},
                         microseconds segment_length = seconds(60),
                         WallTime wall = ClockWatch::kEarliest)
      : clock(wall), start_wall(clock.wall_now()), start(clock.now()) {
    RecordingConfig config;
    config.name = identity.name;
    config.segment_length = segment_length;
    recorder = std::make_unique<Recorder>(
        identity, config, media, facts, [this] { return media::RunId{++runs}; }, executor,
        base::null_logger(), metrics);
  }

  static media::TrackConfigPtr video_config(std::uint32_t width = 1920) {
    media::TrackConfig config;
    config.track = kVideo;
    config.width = width;
    return std::make_shared<media::TrackConfig>(config);
  }
  static media::TrackConfigPtr audio_config(std::uint32_t rate = kAudioHz) {
    media::TrackConfig config;
    config.track = kAudio;
    config.kind = media::TrackKind::kAudio;
    config.codec = media::Codec::kAac;
    config.timescale_hz = rate;
    config.sample_rate_hz = rate;
    return std::make_shared<media::TrackConfig>(config);
  }

  void connect(std::vector<media::TrackKind> kinds = {media::TrackKind::kVideo}) {
    recorder->on_item(media::SessionStarted{clock.now(), kinds, {}});
    for (const media::TrackKind kind : kinds) {
      recorder->on_item(kind == media::TrackKind::kVideo ? video_config() : audio_config());
    }
    media_zero = clock.now();
    frames = 0;
  }
  void disconnect(media::Reason reason = media::Reason::kCameraDisconnected) {
    recorder->on_item(media::SessionEnded{reason, "", clock.now()});
  }
  void wait(nanoseconds span) { executor.run_for(span); }

  /// One picture, received now, with the media time of `at` since the session began.
  media::AccessUnitPtr picture(microseconds at, bool is_sync) {
    return unit(kVideo, at.count() * 9 / 100, kVideoHz, is_sync);
  }
  void sound(microseconds at) { unit(kAudio, at.count() * kAudioHz / 1'000'000, kAudioHz, true); }
  microseconds media_now() const {
    return std::chrono::duration_cast<microseconds>(clock.now() - media_zero);
  }

  /// The camera sends pictures in real time: 10 a second, a key frame every `gop` of them (0:
  /// none).
  void play(nanoseconds span, int gop = 10, bool with_sound = false) {
    const MonotonicTime end = clock.now() + span;
    while (clock.now() < end) {
      const microseconds at = media_now();
      picture(at, gop > 0 && frames++ % gop == 0);
      if (with_sound) sound(at);
      wait(milliseconds(100));
    }
  }

  [[nodiscard]] media::TimelineAnswer timeline() const {
    return timeline_of(media, facts, clock.wall_now());
  }
  /// "camera_disconnected 0.0-2.0", "recorded 2.0-5.0", ...: seconds since the beginning.
  [[nodiscard]] std::vector<std::string> story() const {
    const media::TimelineAnswer answer = timeline();
    std::map<WallTime, std::string> parts;
    const auto second = [&](WallTime time) {
      return static_cast<double>((time - start_wall).count()) / 1e6;
    };
    const auto add = [&](TimeRange range, std::string_view what) {
      parts[range.start] =
          fmt::format("{} {:.1f}-{:.1f}", what, second(range.start), second(range.end));
    };
    for (const TimeRange& span : answer.spans) add(span, "recorded");
    for (const media::Gap& gap : answer.gaps) add(gap.range, to_string(gap.reason));
    std::vector<std::string> told;
    for (const auto& [at, part] : parts) told.push_back(part);
    return told;
  }

  base::ManualClock clock;
  const WallTime start_wall;
  const MonotonicTime start;
  base::ManualExecutor executor{clock};
  base::Metrics metrics;
  FragmentLog media;
  FactLog facts;
  std::uint64_t runs = 0;
  std::unique_ptr<Recorder> recorder;
  MonotonicTime media_zero;
  int frames = 0;
  std::vector<media::AccessUnitPtr> sent;

 private:
  media::AccessUnitPtr unit(media::TrackId track, std::int64_t ticks, std::int64_t rate,
                            bool is_sync) {
    media::AccessUnit unit;
    unit.track = track;
    unit.dts = unit.pts = media::MediaTime(ticks, static_cast<std::uint32_t>(rate));
    unit.received = clock.now();
    unit.is_sync = is_sync;
    unit.payload = Bytes(100);
    sent.push_back(std::make_shared<const media::AccessUnit>(std::move(unit)));
    const media::AccessUnitPtr made = sent.back();
    recorder->on_item(made);
    return made;
  }
};

}  // namespace longtake::archive
