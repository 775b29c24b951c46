#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/archive.h"
#include "base/memory_file_system.h"
#include "server/server.h"

namespace longtake::server {

/// An archive that answers what a test put into it; recording itself is not the server's business.
class FakeArchive final : public archive::Archive {
 public:
  Result<std::unique_ptr<archive::RecordingHandle>> start_recording(
      const archive::RecordingConfig& /*config*/, base::Executor& /*shard*/) override {
    return fail(ErrorCode::kFailedPrecondition, "this archive only answers");
  }
  void set_policy(const archive::RecordingConfig& /*config*/) override {}
  void set_volume_policy(const archive::VolumePolicy& /*policy*/) override {}
  void disarm(const std::string& /*name*/) override {}
  [[nodiscard]] bool is_ready() const override { return ready; }
  Result<std::vector<archive::RecordingStatus>> recordings() override { return statuses; }
  Result<archive::RecordingStatus> recording(const std::string& name) override {
    for (const auto& status : statuses) {
      if (status.name == name) return status;
    }
    return fail(ErrorCode::kNotFound, "unknown");
  }
  Result<media::TimelineAnswer> timeline(const std::string& name, TimeRange within) override {
    LT_TRY(recording(name));
    asked = within;
    return answer;
  }
  Result<std::vector<archive::SegmentInfo>> segments(const std::string& name, TimeRange within,
                                                     std::size_t /*limit*/) override {
    LT_TRY(recording(name));
    asked = within;
    return infos;
  }
  Result<archive::SegmentFile> open_segment(const std::string& name, media::SegmentId id) override {
    LT_TRY(recording(name));
    for (const auto& info : infos) {
      if (info.id != id) continue;
      LT_ASSIGN(auto file, files->open(media::to_string(id) + ".mp4", base::OpenMode::kRead));
      return archive::SegmentFile{
          .file = std::move(file), .size_bytes = info.size_bytes, .is_open = info.is_open};
    }
    return fail(ErrorCode::kNotFound, "there is no such segment");
  }
  Result<archive::SegmentIndexPtr> segment_index(const std::string& name,
                                                 media::SegmentId /*id*/) override {
    LT_TRY(recording(name));
    return fail(ErrorCode::kNotFound, "there is no such segment");
  }
  Result<void> close() override { return {}; }

  /// Adds a segment with this content.
  void add_segment(media::SegmentId id, std::string_view content, bool is_open) {
    auto file = files->open(media::to_string(id) + ".mp4", base::OpenMode::kCreate);
    const ByteSpan parts[] = {as_bytes(content)};
    if (file && (*file)->write_at(0, parts)) {
      infos.push_back({.id = id, .range = {}, .size_bytes = content.size(), .is_open = is_open});
    }
  }

  bool ready = true;
  std::vector<archive::RecordingStatus> statuses;
  media::TimelineAnswer answer;
  std::vector<archive::SegmentInfo> infos;
  base::FileSystem* files = nullptr;
  TimeRange asked;
};

class FakeCameras final : public CameraDirectory {
 public:
  [[nodiscard]] std::optional<CameraView> camera_of(const std::string& recording) const override {
    if (recording != "front") return std::nullopt;
    return CameraView{.url = "rtsp://192.0.2.7/main",
                      .is_connected = false,
                      .last_error = "no route",
                      .reconnects = 3,
                      .packets_lost = 7};
  }
  [[nodiscard]] std::vector<NamedCamera> cameras() const override {
    return {{.name = "front", .view = *camera_of("front")}};
  }
};

/// Two recordings: "front" with everything, "old" without a camera.
inline void fill(FakeArchive& archive) {
  auto video = std::make_shared<media::TrackConfig>();
  video->codec_string = "avc1.64001f";
  video->width = 1920;
  video->height = 1080;
  auto audio = std::make_shared<media::TrackConfig>();
  audio->kind = media::TrackKind::kAudio;
  audio->codec_string = "mp4a.40.2";
  audio->sample_rate_hz = 48'000;
  const WallTime start = *parse_wall_time("2026-01-31T12:00:00Z");
  archive.statuses.push_back({.id = {1},
                              .name = "front",
                              .state = archive::RecordingState::kRecording,
                              .first = start,
                              .last = start + std::chrono::hours(1),
                              .durable_until = start + std::chrono::minutes(59),
                              .size_bytes = 1000,
                              .tracks = {video, audio}});
  archive.statuses.push_back(
      {.id = {2}, .name = "old", .first = {}, .last = {}, .durable_until = {}, .tracks = {}});
  archive.answer.spans = {{start, start + std::chrono::minutes(30)}};
  archive.answer.gaps = {
      {.range = {start + std::chrono::minutes(30), start + std::chrono::minutes(60)},
       .reason = media::Reason::kCameraDisconnected,
       .is_open = true}};
  archive.answer.degraded = {{.range = {start, start + std::chrono::seconds(10)},
                              .reason = media::Reason::kPacketLoss,
                              .count = 5}};
}

}  // namespace longtake::server
