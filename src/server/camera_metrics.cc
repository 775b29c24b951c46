#include "server/camera_metrics.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <iterator>
#include <optional>

namespace longtake::server {
namespace {

/// One family: HELP, TYPE, a line for each item that has a value. Names are letters, digits and -: nothing to escape.
template <class Item>
void add_family(std::string& text, std::string_view name, std::string_view type,
                std::string_view help, std::string_view label, std::span<const Item> items,
                const std::function<std::optional<double>(const Item&)>& value_of) {
  fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  for (const Item& item : items) {
    if (const auto value = value_of(item))
      fmt::format_to(std::back_inserter(text), "{}{{{}=\"{}\"}} {}\n", name, label, item.name,
                     *value);
  }
}

std::optional<double> seconds_since_1970(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return std::chrono::duration<double>(time->time_since_epoch()).count();
}

}  // namespace

std::string camera_metrics(std::span<const NamedCamera> cameras,
                           std::span<const archive::RecordingStatus> recordings) {
  using Status = archive::RecordingStatus;
  std::string text;
  add_family<NamedCamera>(
      text, "longtake_camera_connected", "gauge", "Whether the session with the camera stands.",
      "camera", cameras,
      [](const NamedCamera& camera) { return camera.view.is_connected ? 1 : 0; });
  add_family<NamedCamera>(
      text, "longtake_camera_reconnects_total", "counter",
      "Sessions begun anew since the camera was configured.", "camera", cameras,
      [](const NamedCamera& camera) { return static_cast<double>(camera.view.reconnects); });
  add_family<NamedCamera>(
      text, "longtake_camera_packets_lost_total", "counter",
      "RTP packets that never came, by their sequence numbers.", "camera", cameras,
      [](const NamedCamera& camera) { return static_cast<double>(camera.view.packets_lost); });
  add_family<Status>(text, "longtake_recording_bytes", "gauge",
                     "Bytes of the recording's segment files.", "recording", recordings,
                     [](const Status& status) { return static_cast<double>(status.size_bytes); });
  add_family<Status>(text, "longtake_recording_last_timestamp_seconds", "gauge",
                     "End of the last picture recorded, in seconds since 1970.", "recording",
                     recordings,
                     [](const Status& status) { return seconds_since_1970(status.last); });
  return text;
}

}  // namespace longtake::server
