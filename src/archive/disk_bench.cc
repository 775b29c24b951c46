#include "archive/disk_bench.h"

#include <gtest/gtest.h>

#include "isobmff/reader.h"

namespace longtake::archive {
namespace {

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

RunInfoPtr make_run(media::RunId id, std::vector<media::TrackConfigPtr> tracks) {
  RunInfo run;
  run.id = id;
  run.tracks = std::move(tracks);
  return std::make_shared<const RunInfo>(std::move(run));
}

}  // namespace

media::TrackConfigPtr bench_video() {
  media::TrackConfig track;
  track.track = 1;
  track.decoder_config = from_hex(
      "01640016ffe1001b67640016acd940a03da1000003000100000300320f162d9601000668ebe3cb22c0fdf8f800");
  track.codec_string = "avc1.640016";
  track.width = 640;
  track.height = 480;
  return std::make_shared<const media::TrackConfig>(track);
}

media::TrackConfigPtr bench_audio() {
  media::TrackConfig track;
  track.track = 2;
  track.kind = media::TrackKind::kAudio;
  track.codec = media::Codec::kAac;
  track.timescale_hz = 48'000;
  track.decoder_config = from_hex("1190");
  track.codec_string = "mp4a.40.2";
  track.sample_rate_hz = 48'000;
  track.channels = 2;
  return std::make_shared<const media::TrackConfig>(track);
}

// ---- The camera ----

BenchCamera::BenchCamera(media::RunId run, WallTime start, bool has_audio) : start_(start) {
  tracks_.push_back(bench_video());
  if (has_audio) tracks_.push_back(bench_audio());
  run_ = make_run(run, tracks_);
}

void BenchCamera::start_run(media::RunId run) {
  run_ = make_run(run, tracks_);
  run_start_ = position_;
  starts_segment_ = true;
}

PendingFragment BenchCamera::fragment(const media::TrackConfigPtr& track, int units) const {
  const bool is_video = track->kind == media::TrackKind::kVideo;
  const microseconds position = position_ - run_start_;
  PendingFragment made;
  made.run = run_;
  made.track = track->track;
  made.run_position = position;
  made.run_ticks = position.count() * track->timescale_hz / 1'000'000;
  made.duration_ticks = track->timescale_hz;
  made.wall_start = start_ + position_;
  made.wall_duration = seconds(1);
  made.is_sync = !is_video || position.count() / 1'000'000 % seconds_a_gop == 0;
  for (int i = 0; i < units; ++i) {
    auto unit = std::make_shared<media::AccessUnit>();
    unit->track = track->track;
    unit->is_sync = !is_video || (i == 0 && made.is_sync);
    // Each second of each track tells itself from all others.
    const auto stamp = static_cast<std::uint64_t>((start_ + position_).time_since_epoch().count());
    const std::size_t size_bytes =
        (is_video ? picture_bytes : sound_bytes) + static_cast<std::size_t>(i) * more_bytes_each;
    unit->payload.assign(size_bytes, static_cast<std::byte>(stamp / 1'000'000 + track->track));
    made.payload_bytes += unit->payload.size();
    made.samples.push_back(
        {std::move(unit), track->timescale_hz / static_cast<std::uint32_t>(units), 0});
  }
  return made;
}

BenchCamera::Second BenchCamera::next() {
  Second second;
  second.range = {now(), now() + seconds(1)};
  const auto in_run = (position_ - run_start_).count() / 1'000'000;
  for (const media::TrackConfigPtr& track : tracks_) {
    const bool is_video = track->kind == media::TrackKind::kVideo;
    second.fragments.push_back(fragment(track, is_video ? pictures_a_second : sounds_a_second));
  }
  second.fragments.front().starts_segment = starts_segment_ || in_run % seconds_a_segment == 0;
  starts_segment_ = false;
  position_ += seconds(1);
  return second;
}

// ---- The bench ----

DiskBench::DiskBench(std::uint64_t ring_budget_bytes, Committer::Options commit_options)
    : memory(1ULL << 40U),
      files(memory),
      health(clock, base::null_logger()),
      budget(ring_budget_bytes),
      writer_metrics(metrics),
      space(files, health),
      disk{files,
           clock,
           base::null_logger(),
           health,
           budget,
           writer_metrics,
           [this](media::RecordingId, media::SegmentId id) { purged.push_back(id); }},
      writer(disk, space, [] {}),
      committer(commit_options, disk, writer, {[] { return Result<void>(); }, [] {}}),
      folder{recording_folder_path("front", media::RecordingId{7}), "front", media::RecordingId{7},
             clock.wall_now(), true},
      recording(std::make_shared<RecordingWriter>(
          folder, disk, facts, [] {}, [] {})),
      first(clock.wall_now()),
      camera(media::RunId{5U << 24U | 1U}, clock.wall_now()) {
  space.set_policy({std::nullopt, 0, 0});
  EXPECT_TRUE(base::make_directories(memory, folder.path).has_value());
  writer.add(recording);
}

void DiskBench::submit(int seconds_count) {
  for (int i = 0; i < seconds_count; ++i) {
    for (PendingFragment& fragment : camera.next().fragments)
      recording->submit(std::move(fragment));
    clock.advance(seconds(1));
  }
}

void DiskBench::record(int seconds_count) {
  for (int i = 0; i < seconds_count; ++i) {
    submit(1);
    write();
    commit();
  }
}

bool DiskBench::finish() {
  recording->finish_segment();
  for (int i = 0; i < 60 && !recording->is_settled(); ++i) {
    write();
    commit();
    clock.advance(seconds(1));
  }
  return recording->is_settled();
}

std::vector<std::string> DiskBench::segment_files() {
  std::vector<std::string> paths;
  const auto walked =
      for_each_segment_file(memory, folder, "", [&](const SegmentPath& file) -> Result<void> {
        paths.push_back(file.path);
        return {};
      });
  EXPECT_TRUE(walked.has_value()) << (walked ? "" : walked.error().message());
  return paths;
}

media::TimeRanges DiskBench::recorded() {
  media::TimeRanges all;
  for (const std::string& path : segment_files()) {
    const auto file = memory.open(path, base::OpenMode::kRead);
    EXPECT_TRUE(file.has_value());
    const auto walk = isobmff::walk(**file, isobmff::Check::kAll);
    if (!walk) continue;  // torn before its init was durable
    for (const TimeRange& span : walk->index.spans()) all.add(span);
  }
  return all;
}

std::vector<TimeRange> DiskBench::recorded_twice() {
  std::vector<TimeRange> twice;
  media::TimeRanges all;
  for (const std::string& path : segment_files()) {
    const auto file = memory.open(path, base::OpenMode::kRead);
    EXPECT_TRUE(file.has_value());
    const auto walk = isobmff::walk(**file, isobmff::Check::kAll);
    if (!walk) continue;
    for (const TimeRange& span : walk->index.spans()) {
      for (const TimeRange& again : all.intersect(span)) twice.push_back(again);
    }
    for (const TimeRange& span : walk->index.spans()) all.add(span);
  }
  return twice;
}

media::TimeRanges DiskBench::told_missing() const {
  media::TimeRanges all;
  for (const store::GapNoted& gap : facts.of<store::GapNoted>()) all.add(gap.range);
  return all;
}

base::Fault fail_with(ErrorCode code) { return {Error(code, "injected"), {}, {}}; }

void expect_all_recorded_once(DiskBench& bench) {
  media::TimeRanges all;
  all.add(bench.submitted());
  EXPECT_EQ(bench.recorded(), all);
  EXPECT_TRUE(bench.recorded_twice().empty());
  EXPECT_TRUE(bench.told_missing().ranges().empty());
}

}  // namespace longtake::archive
