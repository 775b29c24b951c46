#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/api_client.h"
#include "app/commands.h"

namespace longtake::app {
namespace {

using nlohmann::json;

Result<json> get(const std::string& url, const std::string& path) {
  LT_ASSIGN(const std::string text, api_get(url, path));
  json answer = json::parse(text, nullptr, false);
  if (answer.is_discarded()) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("{}{} did not answer with JSON; is that a longtake server?", url, path));
  }
  return answer;
}

std::string text_or_dash(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "-";
}

std::string size_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string camera_text(const json& recording) {
  const auto camera = recording.find("camera");
  if (camera == recording.end() || !camera->is_object()) return "no camera";
  if (camera->value("connected", false)) return "connected";
  return camera->contains("lastError") ? text_or_dash(*camera, "lastError") : "not connected";
}

void print_row(const json& recording) {
  fmt::print("{:<24} {:<10} {:<24} {:<24} {:>10}  {}\n", text_or_dash(recording, "name"),
             text_or_dash(recording, "state"), text_or_dash(recording, "first"),
             text_or_dash(recording, "last"), size_text(recording.value("bytes", 0.0)),
             camera_text(recording));
}

void print_tracks(const json& recording) {
  for (const json& track : recording.value("tracks", json::array())) {
    std::string line =
        fmt::format("{} {}", text_or_dash(track, "kind"), text_or_dash(track, "codec"));
    if (track.contains("width"))
      line += fmt::format(" {}x{}", track.value("width", 0), track.value("height", 0));
    if (track.contains("sampleRate")) line += fmt::format(" {} Hz", track.value("sampleRate", 0));
    fmt::print("  track          {}\n", line);
  }
}

void print_one(const json& recording, const json& timeline) {
  fmt::print("{}\n", text_or_dash(recording, "name"));
  fmt::print("  state          {}\n", text_or_dash(recording, "state"));
  fmt::print("  recorded       {} to {}\n", text_or_dash(recording, "first"),
             text_or_dash(recording, "last"));
  fmt::print("  durable until  {}\n", text_or_dash(recording, "durableUntil"));
  fmt::print("  size           {}\n", size_text(recording.value("bytes", 0.0)));
  print_tracks(recording);
  if (const auto camera = recording.find("camera");
      camera != recording.end() && camera->is_object()) {
    fmt::print("  camera         {} ({}), {} reconnects, {} packets lost\n",
               text_or_dash(*camera, "url"), camera_text(recording), camera->value("reconnects", 0),
               camera->value("packetsLost", 0));
  }
  for (const json& gap : timeline.value("gaps", json::array())) {
    fmt::print("  gap            {} to {}  {}{}\n", text_or_dash(gap, "start"),
               text_or_dash(gap, "end"), text_or_dash(gap, "reason"),
               gap.value("open", false) ? " (still)" : "");
  }
  for (const json& part : timeline.value("degraded", json::array())) {
    fmt::print("  degraded       {} to {}  {} ({})\n", text_or_dash(part, "start"),
               text_or_dash(part, "end"), text_or_dash(part, "reason"), part.value("count", 0));
  }
}

}  // namespace

int list_recordings(const std::string& url) {
  const auto answer = get(url, "/api/v1/recordings");
  if (!answer) return report(answer.error());
  fmt::print("{:<24} {:<10} {:<24} {:<24} {:>10}  {}\n", "NAME", "STATE", "FIRST", "LAST", "SIZE",
             "CAMERA");
  for (const json& recording : answer->value("recordings", json::array())) print_row(recording);
  return kExitWell;
}

int show_recording(const std::string& url, const std::string& name) {
  const auto recording = get(url, "/api/v1/recordings/" + name);
  if (!recording) return report(recording.error());
  const auto timeline = get(url, "/api/v1/recordings/" + name + "/timeline");
  if (!timeline) return report(timeline.error());
  print_one(*recording, *timeline);
  return kExitWell;
}

}  // namespace longtake::app
