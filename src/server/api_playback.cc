// Playlists and what they lead to.

#include <fmt/format.h>

#include <algorithm>

#include "server/api.h"
#include "server/conditional.h"

namespace longtake::server {
namespace {

Response playlist_response(std::string text) {
  Response response;
  response.content_type = "application/vnd.apple.mpegurl";
  response.text = std::move(text);
  return response;
}

/// Playlists lead to the same range again, and all to what the same token opens.
playback::PlaylistAddresses addresses_of(const Call& call, std::string base) {
  playback::PlaylistAddresses addresses{std::move(base), "", ""};
  const auto add = [](std::string& query, std::string_view name, std::string_view value) {
    query += fmt::format("{}{}={}", query.empty() ? '?' : '&', name, percent_encode(value));
  };
  for (const auto& [name, value] : call.request.query) {
    add(addresses.query, name, value);
    if (name == "token") add(addresses.media_query, name, value);
  }
  return addresses;
}

Result<playback::PlaylistRange> playlist_range_of(const Call& call) {
  playback::PlaylistRange range;
  for (const auto& [name, into] : {std::pair("from", &range.from), std::pair("to", &range.to)}) {
    const auto found = call.request.query.find(name);
    if (found == call.request.query.end()) continue;
    auto time = parse_wall_time(found->second);
    if (!time) return std::unexpected(std::move(time).error().in(name));
    *into = *time;
  }
  return range;
}

constexpr std::size_t kGapsTold = 50;

/// "FROM/TO", as ISO 8601 writes an interval.
std::string interval_text(TimeRange range) {
  return fmt::format("{}/{}", to_string(range.start), to_string(range.end));
}

std::string gaps_text(const std::vector<TimeRange>& gaps) {
  std::string text;
  for (std::size_t i = 0; i < std::min(gaps.size(), kGapsTold); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", interval_text(gaps[i]));
  if (gaps.size() > kGapsTold) text += fmt::format(", and {} more", gaps.size() - kGapsTold);
  return text;
}

/// "front_20260131T120000Z.mp4"
std::string file_name(std::string_view recording, WallTime from) {
  std::string time = to_string(from).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return fmt::format("{}_{}Z.mp4", recording, time);
}

}  // namespace

Response Api::hls(const Call& call) const {
  const auto range = playlist_range_of(call);
  if (!range) return error_response(range.error());
  auto text = playback_.multivariant_playlist(*call.grant, *range, addresses_of(call, ""));
  if (!text) return error_response(text.error());
  return playlist_response(std::move(*text));
}

Response Api::hls_media(const Call& call) const {
  const std::string& kind = call.variables.at("kind");
  if (kind != "video" && kind != "audio")
    return error_response(404, "not_found", "playlists are video.m3u8 and audio.m3u8");
  const auto range = playlist_range_of(call);
  if (!range) return error_response(range.error());
  auto text = playback_.media_playlist(
      *call.grant, kind == "video" ? media::TrackKind::kVideo : media::TrackKind::kAudio, *range,
      addresses_of(call, "../"));
  if (!text) return error_response(text.error());
  return playlist_response(std::move(*text));
}

Response Api::init_segment(const Call& call) const {
  const std::string& hash = call.variables.at("hash");
  auto body = playback_.init_segment(*call.grant, hash);
  if (!body) return error_response(body.error());
  return content_response(call,
                          {"video/mp4", fmt::format("\"{}\"", hash), kImmutable, std::move(*body)});
}

Response Api::media_segment(const Call& call) const {
  const auto address = playback::MediaAddress::from(
      call.variables.at("run"), call.variables.at("track"), call.variables.at("range"));
  if (!address)
    return error_response(404, "not_found", "media is at media/RUN/TRACK/START-END.m4s");
  auto body = playback_.media_segment(*call.grant, *address);
  if (!body) return error_response(body.error());
  std::string etag = fmt::format("\"{}-{}-{}\"", call.variables.at("run"),
                                 call.variables.at("track"), call.variables.at("range"));
  return content_response(call,
                          {"video/iso.segment", std::move(etag), kImmutable, std::move(*body)});
}

Response Api::clip(const Call& call) const {
  const auto range = playlist_range_of(call);
  if (!range) return error_response(range.error());
  if (!range->from || !range->to)
    return error_response(400, "invalid_argument", "a clip wants `from` and `to`");
  playback::ClipConflict conflict;
  auto plan = playback_.plan_clip(*call.grant, {*range->from, *range->to}, conflict);
  if (!plan && !conflict.ranges.empty()) {
    std::vector<std::string> details;
    details.reserve(conflict.ranges.size());
    for (const TimeRange& one : conflict.ranges) details.push_back(interval_text(one));
    return error_response(409, to_string(plan.error().code()), plan.error().message(), details);
  }
  if (!plan) return error_response(plan.error());
  const std::string etag = plan->etag;
  const std::string gaps = gaps_text(plan->gaps);
  const std::string name = file_name(call.grant->recording(), plan->range.start);
  const std::string told = interval_text(plan->range);
  auto body = playback_.clip(*call.grant, std::move(*plan));
  if (!body) return error_response(body.error());
  Response response =
      content_response(call, {"video/mp4", etag, "private, no-cache", std::move(*body)});
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"{}\"", name));
  response.headers.emplace_back("Longtake-Range", told);
  if (!gaps.empty()) response.headers.emplace_back("Longtake-Gaps", gaps);
  return response;
}

}  // namespace longtake::server
