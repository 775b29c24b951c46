#include "app/recordings_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace longtake::app {
namespace {

using nlohmann::json;

/// A terminal obeys control bytes; what a camera or another server said has none of them when we show it.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  // C1 controls (U+0080 to U+009F) are two bytes in UTF-8.
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      text.replace(i, 2, "?");
  }
  return text;
}

// What answers need not be a longtake, so nothing is taken for granted: what is missing or of another type is a dash,
// a zero, an empty list.

json member(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : json();
}

std::string text_or_dash(const json& object, const char* key) {
  const json found = member(object, key);
  return found.is_string() ? printable(found.get<std::string>()) : "-";
}

std::uint64_t number_of(const json& object, const char* key) {
  const json found = member(object, key);
  return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
}

bool is_true(const json& object, const char* key) { return member(object, key) == json(true); }

json list_of(const json& object, const char* key) {
  json found = member(object, key);
  return found.is_array() ? found : json::array();
}

std::string size_text(std::uint64_t size_bytes) {
  auto bytes = static_cast<double>(size_bytes);
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string camera_text(const json& recording) {
  const json camera = member(recording, "camera");
  if (!camera.is_object()) return "no camera";
  if (is_true(camera, "connected")) return "connected";
  return camera.contains("lastError") ? text_or_dash(camera, "lastError") : "not connected";
}

std::string row_of(const json& recording) {
  return fmt::format("{:<24} {:<10} {:<24} {:<24} {:>10}  {}\n", text_or_dash(recording, "name"),
                     text_or_dash(recording, "state"), text_or_dash(recording, "first"),
                     text_or_dash(recording, "last"), size_text(number_of(recording, "bytes")),
                     camera_text(recording));
}

void add_tracks(std::string& text, const json& recording) {
  for (const json& track : list_of(recording, "tracks")) {
    std::string line =
        fmt::format("{} {}", text_or_dash(track, "kind"), text_or_dash(track, "codec"));
    if (number_of(track, "width") != 0)
      line += fmt::format(" {}x{}", number_of(track, "width"), number_of(track, "height"));
    if (number_of(track, "sampleRate") != 0)
      line += fmt::format(" {} Hz", number_of(track, "sampleRate"));
    text += fmt::format("  track          {}\n", line);
  }
}

}  // namespace

std::string recording_text(const json& recording, const json& timeline) {
  std::string text;
  text += fmt::format("{}\n", text_or_dash(recording, "name"));
  text += fmt::format("  state          {}\n", text_or_dash(recording, "state"));
  text += fmt::format("  recorded       {} to {}\n", text_or_dash(recording, "first"),
                      text_or_dash(recording, "last"));
  text += fmt::format("  durable until  {}\n", text_or_dash(recording, "durableUntil"));
  text += fmt::format("  size           {}\n", size_text(number_of(recording, "bytes")));
  add_tracks(text, recording);
  if (const json camera = member(recording, "camera"); camera.is_object()) {
    text += fmt::format("  camera         {} ({}), {} reconnects, {} packets lost\n",
                        text_or_dash(camera, "url"), camera_text(recording),
                        number_of(camera, "reconnects"), number_of(camera, "packetsLost"));
  }
  for (const json& gap : list_of(timeline, "gaps")) {
    text += fmt::format("  gap            {} to {}  {}{}\n", text_or_dash(gap, "start"),
                        text_or_dash(gap, "end"), text_or_dash(gap, "reason"),
                        is_true(gap, "open") ? " (still)" : "");
  }
  for (const json& part : list_of(timeline, "degraded")) {
    text += fmt::format("  degraded       {} to {}  {} ({})\n", text_or_dash(part, "start"),
                        text_or_dash(part, "end"), text_or_dash(part, "reason"),
                        number_of(part, "count"));
  }
  return text;
}

std::string recordings_text(const json& answer) {
  std::string text = fmt::format("{:<24} {:<10} {:<24} {:<24} {:>10}  {}\n", "NAME", "STATE",
                                 "FIRST", "LAST", "SIZE", "CAMERA");
  for (const json& recording : list_of(answer, "recordings")) text += row_of(recording);
  return text;
}

}  // namespace longtake::app
