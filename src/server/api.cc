#include "server/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "server/camera_metrics.h"
#include "server/conditional.h"
#include "server/openapi.h"

namespace longtake::server {
namespace {

using nlohmann::json;

constexpr std::size_t kSegmentsPerList = 100'000;

Response json_response(const json& body) {
  Response response;
  response.text = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

json json_of(const media::TrackConfig& track) {
  json out = {{"kind", to_string(track.kind)}, {"codec", track.codec_string}};
  if (track.width != 0) {
    out["width"] = track.width;
    out["height"] = track.height;
  }
  if (track.sample_rate_hz != 0) out["sampleRate"] = track.sample_rate_hz;
  return out;
}

json json_of(const CameraView& camera) {
  json out = {{"url", camera.url},
              {"connected", camera.is_connected},
              {"reconnects", camera.reconnects},
              {"packetsLost", camera.packets_lost}};
  if (camera.last_error) out["lastError"] = *camera.last_error;
  return out;
}

std::string_view to_string(archive::RecordingState state) {
  switch (state) {
    case archive::RecordingState::kRecording:
      return "recording";
    case archive::RecordingState::kWaiting:
      return "waiting";
    case archive::RecordingState::kStopped:
      return "stopped";
  }
  return "stopped";
}

json json_of(const archive::RecordingStatus& status, const std::optional<CameraView>& camera) {
  const auto time_or_null = [](const std::optional<WallTime>& time) {
    return time ? json(longtake::to_string(*time)) : json();
  };
  json tracks = json::array();
  for (const auto& track : status.tracks) tracks.push_back(json_of(*track));
  return {{"name", status.name},
          {"state", to_string(status.state)},
          {"first", time_or_null(status.first)},
          {"last", time_or_null(status.last)},
          {"durableUntil", time_or_null(status.durable_until)},
          {"bytes", status.size_bytes},
          {"tracks", tracks},
          {"camera", camera ? json_of(*camera) : json()}};
}

json json_of(const media::TimelineAnswer& timeline) {
  json spans = json::array();
  for (const TimeRange& span : timeline.spans) {
    spans.push_back(
        {{"start", longtake::to_string(span.start)}, {"end", longtake::to_string(span.end)}});
  }
  json gaps = json::array();
  for (const media::Gap& gap : timeline.gaps) {
    json out = {{"start", longtake::to_string(gap.range.start)},
                {"end", longtake::to_string(gap.range.end)},
                {"reason", media::to_string(gap.reason)}};
    if (gap.is_open) out["open"] = true;
    gaps.push_back(std::move(out));
  }
  json degraded = json::array();
  for (const media::Degraded& part : timeline.degraded) {
    degraded.push_back({{"start", longtake::to_string(part.range.start)},
                        {"end", longtake::to_string(part.range.end)},
                        {"reason", media::to_string(part.reason)},
                        {"count", part.count}});
  }
  return {{"spans", spans}, {"gaps", gaps}, {"degraded", degraded}};
}

/// What an archive's error about one recording is for a client.
Response refuse(std::string_view name, const Error& error) {
  return error.code() == ErrorCode::kNotFound ? unknown_recording(name) : error_response(error);
}

}  // namespace

Result<TimeRange> Api::range_of(const Call& call) const {
  const auto time_of = [&](std::string_view name) -> Result<std::optional<WallTime>> {
    const auto found = call.request.query.find(name);
    if (found == call.request.query.end()) return std::nullopt;
    auto time = parse_wall_time(found->second);
    if (!time) return std::unexpected(std::move(time).error().in(name));
    return *time;
  };
  LT_ASSIGN(const std::optional<WallTime> from, time_of("from"));
  LT_ASSIGN(const std::optional<WallTime> to, time_of("to"));
  const WallTime now = clock_.wall_now();
  TimeRange range;
  range.start = from.value_or(to.value_or(now) - std::chrono::hours(24));
  range.end = to.value_or(now);
  if (range.end < range.start) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} is after {} {}", longtake::to_string(range.start),
                            to ? "to" : "now,", longtake::to_string(range.end)));
  }
  if (range.length() > limits::kTimelineSpan) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("from {} to {} is more than the 31 days one call answers for; ask in "
                            "several calls",
                            longtake::to_string(range.start), longtake::to_string(range.end)));
  }
  // Without `to` the range goes on to the moment the archive answers, which is a little later than this one: it cuts
  // there itself, and knows what still lasts.
  if (!to) range.end = std::min(now + std::chrono::minutes(1), range.start + limits::kTimelineSpan);
  return range;
}

Response Api::health(const Call& /*call*/) const { return json_response({{"status", "alive"}}); }

Response Api::ready(const Call& /*call*/) const {
  if (archive_.is_ready()) return json_response({{"status", "ready"}});
  return error_response(
      503, "unavailable",
      "recovery runs and the catalog is not open yet; recording does not wait for it");
}

Response Api::metrics(const Call& /*call*/) const {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  // Recovery runs: the cameras are known all the same.
  response.text =
      metrics_.text() +
      camera_metrics(cameras_.cameras(),
                     archive_.recordings().value_or(std::vector<archive::RecordingStatus>()));
  return response;
}

Response Api::openapi(const Call& /*call*/) const {
  Response response;
  response.text = openapi_text();
  return response;
}

Response Api::recordings(const Call& /*call*/) const {
  const auto all = archive_.recordings();
  if (!all) return error_response(all.error());
  json list = json::array();
  for (const archive::RecordingStatus& status : *all)
    list.push_back(json_of(status, cameras_.camera_of(status.name)));
  return json_response({{"recordings", std::move(list)}});
}

Response Api::recording(const Call& call) const {
  const std::string& name = call.variables.at("name");
  const auto status = archive_.recording(name);
  if (!status) {
    return refuse(name, status.error());
  }
  return json_response(json_of(*status, cameras_.camera_of(name)));
}

Response Api::timeline(const Call& call) const {
  const auto range = range_of(call);
  if (!range) return error_response(range.error());
  const std::string& name = call.variables.at("name");
  const auto timeline = archive_.timeline(name, *range);
  if (!timeline) {
    return refuse(name, timeline.error());
  }
  return json_response(json_of(*timeline));
}

Response Api::segments(const Call& call) const {
  const auto range = range_of(call);
  if (!range) return error_response(range.error());
  const std::string& name = call.variables.at("name");
  const auto segments = archive_.segments(name, *range, kSegmentsPerList + 1);
  if (!segments) {
    return refuse(name, segments.error());
  }
  if (segments->size() > kSegmentsPerList) {
    return error_response(
        400, "invalid_argument",
        fmt::format("more than {} segments touch that range; ask for a shorter one",
                    kSegmentsPerList));
  }
  // By hand: as a tree of JSON values the longest list would take a hundred megabytes.
  Response response;
  response.text = "{\"segments\":[";
  for (const archive::SegmentInfo& segment : *segments) {
    fmt::format_to(std::back_inserter(response.text),
                   R"({}{{"id":"{}","start":"{}","end":"{}","bytes":{},"state":"{}"}})",
                   response.text.ends_with('[') ? "" : ",", media::to_string(segment.id),
                   longtake::to_string(segment.range.start), longtake::to_string(segment.range.end),
                   segment.size_bytes, segment.is_open ? "open" : "closed");
  }
  response.text += "]}";
  return response;
}

Response Api::segment(const Call& call) const {
  const std::string& name = call.variables.at("name");
  const std::string& id_text = call.variables.at("id");
  const auto id = media::segment_id_from(id_text);
  if (!id)
    return error_response(404, "not_found", fmt::format("\"{}\" is no segment's id", id_text));
  auto segment = archive_.open_segment(name, *id);
  if (!segment) return error_response(segment.error());

  auto body = std::make_shared<playback::SliceList>();
  body->append(playback::FileSlice{std::move(segment->file), 0, segment->size_bytes});
  // A closed file never changes, and its id is never used again.
  const std::string etag =
      segment->is_open ? "" : fmt::format("\"{}-{}\"", id_text, segment->size_bytes);
  return content_response(call, {"video/mp4", etag, kImmutable, std::move(body)});
}

}  // namespace longtake::server
