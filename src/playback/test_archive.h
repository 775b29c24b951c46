#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "archive/archive.h"
#include "base/memory_file_system.h"
#include "isobmff/test_segment.h"

namespace longtake::playback {

/// An archive of one recording, "front", with the segments a test makes: real files in memory, real indexes.
class TestArchive final : public archive::Archive {
 public:
  /// Adds a file. Its times are those of its fragments.
  void add(const isobmff::TestSegment& segment, bool is_open = false) {
    const media::FragmentIndex& index = segment.index();
    const std::string path = media::to_string(index.segment) + ".mp4";
    auto file = files.open(path, base::OpenMode::kCreateNew);
    ASSERT_TRUE(file);
    const ByteSpan parts[] = {segment.file()};
    ASSERT_TRUE((*file)->write_at(0, parts));
    const auto spans = index.spans();
    infos.push_back({.id = index.segment,
                     .range = {spans.front().start, spans.back().end},
                     .size_bytes = segment.file().size(),
                     .is_open = is_open});
    indexes[index.segment] = std::make_shared<const media::FragmentIndex>(index);
  }
  /// Retention takes it.
  void remove(media::SegmentId id) {
    std::erase_if(infos, [&](const archive::SegmentInfo& info) { return info.id == id; });
    indexes.erase(id);
    EXPECT_TRUE(files.remove(media::to_string(id) + ".mp4"));
  }

  Result<std::unique_ptr<archive::RecordingHandle>> start_recording(
      const archive::RecordingConfig& /*config*/, base::Executor& /*shard*/) override {
    return fail(ErrorCode::kFailedPrecondition, "this archive only answers");
  }
  void set_policy(const archive::RecordingConfig& /*config*/) override {}
  void set_volume_policy(const archive::VolumePolicy& /*policy*/) override {}
  void disarm(const std::string& /*name*/) override {}
  [[nodiscard]] bool is_ready() const override { return true; }
  Result<std::vector<archive::RecordingStatus>> recordings() override {
    LT_ASSIGN(archive::RecordingStatus one, recording("front"));
    return std::vector{std::move(one)};
  }
  Result<archive::RecordingStatus> recording(const std::string& name) override {
    if (name != "front") return fail(ErrorCode::kNotFound, "unknown");
    archive::RecordingStatus status;
    status.name = name;
    status.state = state;
    if (!infos.empty()) {
      status.first = infos.front().range.start;
      status.last = infos.back().range.end;
    }
    return status;
  }
  Result<media::TimelineAnswer> timeline(const std::string& /*name*/,
                                         TimeRange /*within*/) override {
    return media::TimelineAnswer{};
  }
  Result<std::vector<archive::SegmentInfo>> segments(const std::string& name, TimeRange within,
                                                     std::size_t limit) override {
    LT_TRY(recording(name));
    std::vector<archive::SegmentInfo> found;
    for (const archive::SegmentInfo& info : infos) {
      const bool touches = info.range.start < within.end && info.range.end > within.start;
      if (touches && found.size() < limit) found.push_back(info);
    }
    return found;
  }
  Result<archive::SegmentFile> open_segment(const std::string& /*name*/,
                                            media::SegmentId id) override {
    LT_ASSIGN(auto file, files.open(media::to_string(id) + ".mp4", base::OpenMode::kRead));
    LT_ASSIGN(const std::uint64_t size, file->size());
    return archive::SegmentFile{std::move(file), size, false};
  }
  Result<archive::SegmentIndexPtr> segment_index(const std::string& /*name*/,
                                                 media::SegmentId id) override {
    ++index_reads;
    if (damaged.contains(id)) return fail(ErrorCode::kDataLoss, "damaged");
    const auto found = indexes.find(id);
    if (found == indexes.end()) return fail(ErrorCode::kNotFound, "deleted");
    return found->second;
  }
  Result<void> close() override { return {}; }

  base::MemoryFileSystem files;
  std::vector<archive::SegmentInfo> infos;  // in order of time
  std::map<media::SegmentId, archive::SegmentIndexPtr> indexes;
  archive::RecordingState state = archive::RecordingState::kRecording;
  std::set<media::SegmentId> damaged;  // cannot be read
  std::atomic<int> index_reads = 0;
};

/// Where the tests' recordings begin: at the border of a cell.
inline const WallTime kStart = *parse_wall_time("2026-01-31T12:00:00Z");

/// How one GOP of a test lies in time.
struct TestGop {
  double start_s = 0;  // from kStart
  int seconds = 1;     // in fragments of one second each
  std::uint32_t composition_ticks = 0;
};

/// A file of GOPs, 15 pictures a second, with sound beside them.
inline isobmff::TestSegment make_segment(
    media::SegmentId id, const std::vector<TestGop>& gops,
    std::vector<media::TrackConfigPtr> tracks = {isobmff::test_video(), isobmff::test_audio()},
    std::size_t picture_bytes = 300) {
  isobmff::TestSegment segment(tracks, id);
  base::SeededRandom random(id.run.value * 1000 + id.sequence);
  for (const TestGop& gop : gops) {
    for (int second = 0; second < gop.seconds; ++second) {
      const microseconds at(static_cast<std::int64_t>((gop.start_s + second) * 1e6));
      media::FragmentEntry entry;
      entry.wall_start = kStart + at;
      entry.wall_duration = seconds(1);
      entry.run_offset_us = at.count();
      for (const media::TrackConfigPtr& track : tracks) {
        entry.track = track->track;
        entry.media_start_ticks = at.count() * track->timescale_hz / 1'000'000;
        const bool is_video = track->kind == media::TrackKind::kVideo;
        std::vector<isobmff::TestUnit> units;
        for (int i = 0; i < (is_video ? 15 : 47); ++i) {
          units.push_back(
              {.is_sync = !is_video || (second == 0 && i == 0),
               .duration_ticks = is_video ? 6000U : 1024U,
               .composition_ticks = is_video ? gop.composition_ticks : 0,
               .payload = isobmff::random_bytes(random, is_video ? picture_bytes : 40)});
        }
        segment.add(entry, std::move(units));
      }
    }
  }
  segment.close();
  return segment;
}

}  // namespace longtake::playback
