#include "server/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "server/api.h"

namespace longtake::server {
namespace {

constexpr std::array<QueryParameter, 2> kRange = {{
    {"from", "Start of the range, RFC 3339; default: 24 h before its end"},
    {"to",
     "End of the range, not part of it, RFC 3339; default: now. More than 31 days after `from` is "
     "refused"},
}};

constexpr std::array<QueryParameter, 2> kPlaylistRange = {{
    {"from", "Start of the range, RFC 3339"},
    {"to", "End of the range, not part of it, RFC 3339; at most 24 h after `from`"},
}};

constexpr std::string_view kPlaylist = "application/vnd.apple.mpegurl";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";

constexpr std::array<Route, 14> kRoutes = {{
    {"/healthz",
     "health",
     "Whether the process is alive",
     "Health",
     kJson,
     {},
     Access::kPublic,
     &Api::health},
    {"/readyz",
     "ready",
     "Whether recovery is done and the catalog answers",
     "Health",
     kJson,
     {},
     Access::kPublic,
     &Api::ready},
    {"/metrics",
     "metrics",
     "What can be graphed, as Prometheus text",
     "",
     kText,
     {},
     Access::kSignedIn,
     &Api::metrics},
    {"/api/openapi.json",
     "openapi",
     "This description",
     "",
     kJson,
     {},
     Access::kSignedIn,
     &Api::openapi},
    {"/api/v1/recordings",
     "listRecordings",
     "All recordings",
     "RecordingList",
     kJson,
     {},
     Access::kSignedIn,
     &Api::recordings},
    {"/api/v1/recordings/{name}",
     "getRecording",
     "One recording",
     "Recording",
     kJson,
     {},
     Access::kRead,
     &Api::recording},
    {"/api/v1/recordings/{name}/timeline", "getTimeline",
     "What is recorded, what is missing and why: within the range, spans and gaps together are the "
     "time recording was asked for, exactly; nothing is said of times before that, to come, or "
     "still undecided: the last moments, whose pictures are on their way",
     "Timeline", kJson, kRange, Access::kRead, &Api::timeline},
    {"/api/v1/recordings/{name}/segments", "listSegments", "The files that touch a range",
     "SegmentList", kJson, kRange, Access::kRead, &Api::segments},
    {"/api/v1/recordings/{name}/segments/{id}.mp4",
     "getSegment",
     "A file; one still being written, up to its last whole fragment",
     "",
     "video/mp4",
     {},
     Access::kRead,
     &Api::segment},
    {"/api/v1/recordings/{name}/hls.m3u8", "getPlaylist",
     "An HLS playlist of a range: neither from nor to, the last minute as it goes on; from, all "
     "since; both, that",
     "", kPlaylist, kPlaylistRange, Access::kRead, &Api::hls},
    {"/api/v1/recordings/{name}/hls/{kind}.m3u8", "getMediaPlaylist",
     "The media playlist of the picture or of the sound", "", kPlaylist, kPlaylistRange,
     Access::kRead, &Api::hls_media},
    {"/api/v1/recordings/{name}/init/{hash}.mp4", "getInitSegment",
     "An init segment, by its content's hash", "", "video/mp4", kPlaylistRange, Access::kRead,
     &Api::init_segment},
    {"/api/v1/recordings/{name}/media/{run}/{track}/{range}.m4s", "getMediaSegment",
     "Whole GOPs of one track; decode times are UTC", "", "video/iso.segment", kPlaylistRange,
     Access::kRead, &Api::media_segment},
    {"/api/v1/recordings/{name}/clip.mp4", "getClip",
     "One MP4 of a range, from its first picture exactly; gaps are skipped and listed in the "
     "header "
     "Longtake-Gaps; where the parameters change, 409 with the ranges that work",
     "", "video/mp4", kPlaylistRange, Access::kRead, &Api::clip},
}};

/// "{id}.mp4" against "12-3.mp4": the variable's value, or nothing.
std::optional<std::pair<std::string, std::string>> match_variable(std::string_view pattern,
                                                                  std::string_view part) {
  if (!pattern.starts_with('{')) return std::nullopt;
  const std::size_t close = pattern.find('}');
  const std::string_view suffix = pattern.substr(close + 1);
  if (!part.ends_with(suffix) || part.size() == suffix.size()) return std::nullopt;
  return std::pair(std::string(pattern.substr(1, close - 1)),
                   std::string(part.substr(0, part.size() - suffix.size())));
}

bool matches(const Route& route, const std::vector<std::string>& path, Call& call) {
  const auto pattern = split_path(route.path);
  if (pattern.size() != path.size()) return false;
  call.variables.clear();
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (auto variable = match_variable(pattern[i], path[i])) {
      call.variables.insert(std::move(*variable));
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

std::optional<Response> refuse_query(const Route& route, const HttpRequest& request) {
  std::vector<std::string> details;
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(route.query, name, &QueryParameter::name) == route.query.end()) {
      details.push_back(fmt::format("unknown query parameter \"{}\"", name));
    }
  }
  if (details.empty()) return std::nullopt;
  std::string known;
  for (const QueryParameter& parameter : route.query)
    known += fmt::format("{}{}", known.empty() ? "" : ", ", parameter.name);
  return error_response(400, "invalid_argument",
                        known.empty()
                            ? "this call takes no query parameters"
                            : fmt::format("this call takes the query parameters {}", known),
                        details);
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return lower;
}

/// The host of "name:port" or "[v6]:port".
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::optional<Response> refuse_foreign(const HttpRequest& request) {
  constexpr std::array<std::string_view, 3> kOurs = {"127.0.0.1", "[::1]", "localhost"};
  const std::string authority = in_lower_case(request.field("host").value_or("localhost"));
  const std::string_view host = host_of(authority);
  if (std::ranges::find(kOurs, host) == kOurs.end()) {
    return error_response(
        403, "permission_denied",
        fmt::format("this server answers to 127.0.0.1, [::1] and localhost, not to \"{}\"", host));
  }
  // To the port: another server on this machine is another origin. The scheme is left to whoever ends TLS before us.
  const auto origin = request.field("origin");
  if (origin && in_lower_case(*origin) != "http://" + authority &&
      in_lower_case(*origin) != "https://" + authority) {
    return error_response(403, "permission_denied",
                          "a page of another origin may not call this server");
  }
  return std::nullopt;
}

Response dispatch(const Api& api, const Authority& authority, const HttpRequest& request) {
  Call call{.request = request, .variables = {}, .grant = {}};
  for (const Route& route : kRoutes) {
    if (!matches(route, request.path, call)) continue;
    if (request.method != "GET" && request.method != "HEAD") {
      Response response =
          error_response(405, "invalid_argument", fmt::format("{} takes GET and HEAD", route.path));
      response.headers.emplace_back("Allow", "GET, HEAD");
      return response;
    }
    if (auto refusal = refuse_query(route, request)) return std::move(*refusal);
    if (route.access == Access::kRead) {
      const std::string& name = call.variables.at("name");
      call.grant = authority.grant_read(request, name);
      if (!call.grant) return unknown_recording(name);
    }
    return (api.*route.handler)(call);
  }
  return error_response(
      404, "not_found",
      "there is nothing at this address; GET /api/openapi.json lists what there is");
}

}  // namespace longtake::server
