// Playlists and what they lead to.

#include <fmt/format.h>

#include "server/api.h"

namespace longtake::server {
namespace {

Response playlist_response(std::string text) {
  Response response;
  response.content_type = "application/vnd.apple.mpegurl";
  response.text = std::move(text);
  return response;
}

/// What never changes under its address.
Response immutable_response(const Call& call, std::string content_type, std::string etag,
                            std::shared_ptr<playback::Body> body) {
  Response response;
  response.content_type = std::move(content_type);
  response.headers.emplace_back("ETag", etag);
  response.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  if (call.request.field("if-none-match") == etag) {
    response.status = 304;
    return response;
  }
  response.range = {0, body->size_bytes()};
  response.body = std::move(body);
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
  return immutable_response(call, "video/mp4", fmt::format("\"{}\"", hash), std::move(*body));
}

Response Api::media_segment(const Call& call) const {
  const auto address = playback::MediaAddress::from(
      call.variables.at("run"), call.variables.at("track"), call.variables.at("range"));
  if (!address)
    return error_response(404, "not_found", "media is at media/RUN/TRACK/START-END.m4s");
  auto body = playback_.media_segment(*call.grant, *address);
  if (!body) return error_response(body.error());
  return immutable_response(call, "video/iso.segment",
                            fmt::format("\"{}-{}-{}\"", call.variables.at("run"),
                                        call.variables.at("track"), call.variables.at("range")),
                            std::move(*body));
}

}  // namespace longtake::server
