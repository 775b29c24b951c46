#include "server/openapi.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "media/reason.h"
#include "server/router.h"

namespace longtake::server {
namespace {

using nlohmann::json;

/// The answers' shapes. The tests hold every real answer against them.
constexpr std::string_view kSchemas = R"json({
  "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
    "required": ["code", "message", "details"], "properties": {
      "code": {"type": "string", "enum": ["invalid_argument", "not_found", "permission_denied", "unavailable",
        "deadline_exceeded", "resource_exhausted", "failed_precondition", "cancelled", "already_exists", "data_loss", "internal"]},
      "message": {"type": "string"}, "details": {"type": "array", "items": {"type": "string"}}}}}},
  "Health": {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}},
  "Track": {"type": "object", "required": ["kind", "codec"], "properties": {
    "kind": {"type": "string", "enum": ["video", "audio", "data"]},
    "codec": {"type": "string", "description": "RFC 6381, e.g. avc1.64001f"},
    "width": {"type": "integer", "description": "pixels"}, "height": {"type": "integer", "description": "pixels"},
    "sampleRate": {"type": "integer", "description": "Hz"}}},
  "Camera": {"type": ["object", "null"], "description": "null when no camera feeds the recording now",
    "required": ["url", "connected", "reconnects", "packetsLost"], "properties": {
    "url": {"type": "string", "description": "without user info"}, "connected": {"type": "boolean"},
    "lastError": {"type": "string"}, "reconnects": {"type": "integer"}, "packetsLost": {"type": "integer"}}},
  "Recording": {"type": "object",
    "required": ["name", "state", "first", "last", "durableUntil", "bytes", "tracks", "camera"], "properties": {
    "name": {"type": "string"}, "state": {"type": "string", "enum": ["recording", "waiting", "stopped"]},
    "first": {"type": ["string", "null"], "format": "date-time", "description": "start of the oldest picture that is kept"}, "last": {"type": ["string", "null"], "format": "date-time"},
    "durableUntil": {"type": ["string", "null"], "format": "date-time",
      "description": "everything recorded before it survives a power cut"},
    "bytes": {"type": "integer"}, "tracks": {"type": "array", "items": {"$ref": "#/components/schemas/Track"}},
    "camera": {"$ref": "#/components/schemas/Camera"}}},
  "RecordingList": {"type": "object", "required": ["recordings"], "properties": {
    "recordings": {"type": "array", "items": {"$ref": "#/components/schemas/Recording"}}}},
  "Span": {"type": "object", "required": ["start", "end"], "properties": {
    "start": {"type": "string", "format": "date-time"}, "end": {"type": "string", "format": "date-time"}}},
  "Gap": {"type": "object", "required": ["start", "end", "reason"], "properties": {
    "start": {"type": "string", "format": "date-time"}, "end": {"type": "string", "format": "date-time"},
    "reason": {"$ref": "#/components/schemas/Reason"}, "open": {"type": "boolean", "description": "still lasts; end is now"}}},
  "Degraded": {"type": "object", "required": ["start", "end", "reason", "count"], "properties": {
    "start": {"type": "string", "format": "date-time"}, "end": {"type": "string", "format": "date-time"},
    "reason": {"$ref": "#/components/schemas/Reason"},
    "count": {"type": "integer", "description": "how often in it: packets lost, pictures damaged"}}},
  "Timeline": {"type": "object", "required": ["spans", "gaps", "degraded"], "properties": {
    "spans": {"type": "array", "items": {"$ref": "#/components/schemas/Span"}},
    "gaps": {"type": "array", "items": {"$ref": "#/components/schemas/Gap"}},
    "degraded": {"type": "array", "items": {"$ref": "#/components/schemas/Degraded"}}}},
  "Segment": {"type": "object", "required": ["id", "start", "end", "bytes", "state"], "properties": {
    "id": {"type": "string"}, "start": {"type": "string", "format": "date-time"}, "end": {"type": "string", "format": "date-time"},
    "bytes": {"type": "integer", "description": "of an open one: up to its last whole fragment"},
    "state": {"type": "string", "enum": ["open", "closed"]}}},
  "SegmentList": {"type": "object", "required": ["segments"], "properties": {
    "segments": {"type": "array", "items": {"$ref": "#/components/schemas/Segment"}}}}
})json";

/// "{name}" and "{id}" of a path, as parameters.
json path_parameters(std::string_view path) {
  json parameters = json::array();
  for (std::size_t open = path.find('{'); open != std::string_view::npos;
       open = path.find('{', open + 1)) {
    const std::string_view name = path.substr(open + 1, path.find('}', open) - open - 1);
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

/// Every reason of the one table, each with what triggers it.
json reason_schema() {
  json names = json::array();
  std::string text;
  for (const media::ReasonEntry& entry : media::reason_table()) {
    names.push_back(entry.name);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", entry.name, entry.trigger);
  }
  return {{"type", "string"}, {"enum", names}, {"description", text}};
}

json error_of(std::string_view description) {
  return {
      {"description", description},
      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

json header_of(std::string_view description) {
  return {{"description", description}, {"schema", {{"type", "string"}}}};
}

/// A body that is no JSON: a file, so part of it may be asked for, and a copy of it may be known.
void add_file_answers(json& parameters, json& responses, const json& content) {
  for (const auto& [name, description] :
       {std::pair("Range", "One range of bytes; several are answered with the whole file"),
        std::pair("If-Range", "An ETag: the range is served only if the file still has it"),
        std::pair("If-None-Match", "ETags of copies that the client has")}) {
    parameters.push_back({{"name", name},
                          {"in", "header"},
                          {"required", false},
                          {"description", description},
                          {"schema", {{"type", "string"}}}});
  }
  responses["200"]["headers"] = {{"ETag", header_of("of a closed segment, which never changes")},
                                 {"Accept-Ranges", header_of("bytes")}};
  responses["206"] = {{"description", "The range"},
                      {"headers", {{"Content-Range", header_of("bytes FIRST-LAST/SIZE")}}},
                      {"content", content}};
  responses["304"] = {{"description", "The client's copy is good"}};
  responses["416"] = error_of("The range begins behind the end");
  responses["416"]["headers"] = {{"Content-Range", header_of("bytes */SIZE")}};
}

json operation_of(const Route& route) {
  json parameters = path_parameters(route.path);
  for (const QueryParameter& parameter : route.query) {
    parameters.push_back({{"name", parameter.name},
                          {"in", "query"},
                          {"required", false},
                          {"description", parameter.description},
                          {"schema", {{"type", "string"}, {"format", "date-time"}}}});
  }
  json content = {{std::string(route.content_type), json::object()}};
  if (!route.schema.empty()) {
    content[std::string(route.content_type)]["schema"] = {
        {"$ref", fmt::format("#/components/schemas/{}", route.schema)}};
  }
  json responses = {{"200", {{"description", route.summary}, {"content", content}}},
                    {"400", error_of("The request is not as this call takes it")},
                    {"403", error_of("A foreign Host or Origin")},
                    {"503", error_of("Not now: starting, stopping, recovering, or too busy")},
                    {"default", error_of("What went wrong and what to do")}};
  responses["503"]["headers"] = {{"Retry-After", header_of("seconds")}};
  if (route.path.contains('{')) responses["404"] = error_of("There is no such thing");
  if (route.content_type == "video/mp4") add_file_answers(parameters, responses, content);
  if (route.operation == "getClip")
    responses["409"] =
        error_of("The parameters change in the range; details has the ranges that work");
  return {{"operationId", route.operation},
          {"summary", route.summary},
          {"parameters", parameters},
          {"responses", responses}};
}

/// The schemas written above, with those that have a table of their own.
json schemas() {
  json all = json::parse(kSchemas);
  all["Reason"] = reason_schema();
  return all;
}

std::string make_text() {
  json paths = json::object();
  for (const Route& route : routes())
    paths[std::string(route.path)] = {{"get", operation_of(route)}};
  const json document = {{"openapi", "3.1.0"},
                         {"info",
                          {{"title", "longtake"},
                           {"version", "1"},
                           {"description",
                            "Times are UTC (RFC 3339, milliseconds), ranges half open. HEAD works "
                            "wherever GET does; other methods are answered with 405."}}},
                         {"paths", paths},
                         {"components", {{"schemas", schemas()}}}};
  return document.dump(2);
}

}  // namespace

const std::string& openapi_text() {
  static const std::string kText = make_text();
  return kText;
}

}  // namespace longtake::server
