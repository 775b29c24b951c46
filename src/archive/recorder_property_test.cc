#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <random>
#include <set>

#include "archive/recorder_bench.h"

namespace longtake::archive {
namespace {

using media::Reason;
using media::TrackKind;

/// One thing a camera, its network or its machine does.
enum class Act : int {
  kPlay,
  kPlayWithSound,
  kPlayWithoutKeys,
  kSilence,
  kBurst,
  kMediaJump,
  kSourceChange,
  kNewParameterSets,
  kDisconnect,
  kConnect,
  kLoss,
  kWaiting,
  kClockStep,
  kFreeze,
  kCount,
};

struct Step {
  Act act;
  int tenths;  // how long, or how far
};

void perform(RecorderBench& bench, Step step, std::uint32_t& width) {
  const milliseconds span(step.tenths * 100);
  switch (step.act) {
    case Act::kPlay:
      return bench.play(span);
    case Act::kPlayWithSound:
      return bench.play(span, 20, true);
    case Act::kPlayWithoutKeys:
      return bench.play(span, 0);
    case Act::kSilence:
      return bench.wait(span);
    case Act::kBurst: {
      const microseconds from = bench.media_now();
      for (int i = 0; i < step.tenths; ++i) {
        bench.picture(from + i * milliseconds(100), i % 10 == 0);
        bench.wait(milliseconds(10));
      }
      return;
    }
    case Act::kMediaJump:
      bench.media_zero -= (step.tenths - 30) * seconds(7);
      return;
    case Act::kSourceChange:
      bench.recorder->on_item(media::SourceChanged{RecorderBench::kVideo, bench.clock.now()});
      bench.media_zero -= seconds(step.tenths);
      return;
    case Act::kNewParameterSets:
      bench.recorder->on_item(RecorderBench::video_config(++width));
      return;
    case Act::kDisconnect:
      return bench.disconnect(step.tenths % 2 == 0 ? Reason::kCameraTimeout : Reason::kAuthFailed);
    case Act::kConnect:
      return bench.connect(step.tenths % 3 == 0
                               ? std::vector{TrackKind::kVideo}
                               : std::vector{TrackKind::kVideo, TrackKind::kAudio});
    case Act::kLoss:
      return bench.recorder->on_item(
          media::Damage{RecorderBench::kVideo, Reason::kPacketLoss, 3, bench.clock.now()});
    case Act::kWaiting:
      return bench.recorder->on_item(media::Waiting{Reason::kNoKeyframe, bench.clock.now()});
    case Act::kClockStep:
      return bench.clock.step_wall(step.tenths * milliseconds(700));  // forward
    case Act::kFreeze:
      return bench.clock.advance(span);
    case Act::kCount:
      return;
  }
}

/// Spans and gaps are the time asked for: nothing twice, nothing left out, nothing without a
/// reason.
void check_time_is_whole(const RecorderBench& bench) {
  const media::TimelineAnswer answer = bench.timeline();
  media::TimeRanges told;
  microseconds sum{0};
  for (const TimeRange& span : answer.spans) {
    told.add(span);
    sum += span.length();
  }
  for (const media::Gap& gap : answer.gaps) {
    RC_ASSERT(gap.reason != Reason::kLedgerLost);
    told.add(gap.range);
    sum += gap.range.length();
  }
  const TimeRange armed{bench.start_wall, bench.clock.wall_now()};
  RC_ASSERT(told.holes(armed).empty());
  RC_ASSERT(sum == armed.length());
}

void check_fragments(const RecorderBench& bench) {
  struct End {
    std::int64_t ticks = INT64_MIN;
    WallTime wall = WallTime::min();
  };
  std::map<std::tuple<media::RunId, media::TrackId>, End> ends;
  std::map<media::TrackId, std::size_t> next_sent;
  for (const PendingFragment& fragment : bench.media.fragments) {
    RC_ASSERT(!fragment.samples.empty());
    RC_ASSERT(fragment.wall_duration > microseconds(0));
    RC_ASSERT(fragment.wall_duration <= Fragmenter::kLongest + milliseconds(1));
    std::int64_t duration = 0;
    for (std::size_t i = 0; i < fragment.samples.size(); ++i) {
      const auto& sample = fragment.samples[i];
      RC_ASSERT(sample.duration_ticks > 0U);
      RC_ASSERT(i == 0 || fragment.track != RecorderBench::kVideo || !sample.unit->is_sync);
      duration += sample.duration_ticks;
      // In the order sent: what was left out lies between.
      std::size_t& at = next_sent[fragment.track];
      while (at < bench.sent.size() && bench.sent[at] != sample.unit) ++at;
      RC_ASSERT(at < bench.sent.size());
      ++at;
    }
    RC_ASSERT(duration == fragment.duration_ticks);
    End& end = ends[{fragment.run->id, fragment.track}];
    RC_ASSERT(fragment.run_ticks >= end.ticks);
    RC_ASSERT(fragment.wall_start >= end.wall);
    end = {fragment.run_ticks + fragment.duration_ticks,
           fragment.wall_start + fragment.wall_duration};
  }
}

/// From a session's first key frame on, each picture is in exactly one fragment.
void check_no_picture_is_lost(const RecorderBench& bench,
                              const std::vector<bool>& must_be_recorded) {
  std::set<const media::AccessUnit*> recorded;
  for (const PendingFragment& fragment : bench.media.fragments) {
    for (const auto& sample : fragment.samples)
      RC_ASSERT(recorded.insert(sample.unit.get()).second);
  }
  for (std::size_t i = 0; i < must_be_recorded.size(); ++i) {
    if (must_be_recorded[i]) RC_ASSERT(recorded.contains(bench.sent[i].get()));
  }
}

RC_GTEST_PROP(RecorderProperty, WhateverACameraDoesEachMomentIsRecordedOrExplained, ()) {
  const auto acts = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, static_cast<int>(Act::kCount)), rc::gen::inRange(1, 60)));
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(30));
  std::uint32_t width = 1920;
  std::vector<bool> must_be_recorded;
  bool is_connected = false;
  bool has_key = false;
  for (const auto& [number, tenths] : acts) {
    const Step step{static_cast<Act>(number), tenths};
    if (step.act == Act::kDisconnect) is_connected = false;
    if (step.act == Act::kConnect) is_connected = true;
    if (step.act == Act::kDisconnect || step.act == Act::kConnect) has_key = false;
    perform(bench, step, width);
    while (must_be_recorded.size() < bench.sent.size()) {
      const media::AccessUnit& unit = *bench.sent[must_be_recorded.size()];
      const bool is_video = unit.track == RecorderBench::kVideo;
      if (is_video && is_connected && unit.is_sync) has_key = true;
      must_be_recorded.push_back(is_video && is_connected && has_key);
    }
  }
  bench.recorder->finish(Reason::kOperatorStop);
  bench.wait(milliseconds(100));
  check_fragments(bench);
  check_no_picture_is_lost(bench, must_be_recorded);
  check_time_is_whole(bench);
}

/// FAULTS CAM-18: random media times, late and early, backward and standing still.
RC_GTEST_PROP(RecorderProperty, Cam18_AbsurdMediaTimesStopNothingAndMakeNoAbsurdDurations, ()) {
  const auto jumps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::inRange(-5'000'000, 5'000'000)));
  RecorderBench bench;
  bench.connect();
  microseconds at{0};
  bool is_first = true;
  for (const auto& [kind, size] : jumps) {
    for (int i = 0; i < 5; ++i) {
      bench.picture(at, std::exchange(is_first, false) || i == 4);
      bench.wait(milliseconds(100));
      if (kind != 7) at += milliseconds(100);  // 7: it stands still
    }
    if (kind == 1) at += microseconds(size) * 10;
    if (kind == 2) at += microseconds(size) * 1000;
    if (kind == 3) at = microseconds(0);
  }
  bench.recorder->finish(Reason::kOperatorStop);
  bench.wait(milliseconds(100));
  check_fragments(bench);
  check_no_picture_is_lost(bench, std::vector<bool>(bench.sent.size(), true));
  check_time_is_whole(bench);
}

}  // namespace
}  // namespace longtake::archive
