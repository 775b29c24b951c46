// Camera URLs and control addresses.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "rtsp/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  const auto text = longtake::as_text(bytes);
  const auto camera = longtake::rtsp::parse_camera_url(text);
  if (camera) {
    // What is shown must be readable again, and name the same place.
    const auto again = longtake::rtsp::parse_camera_url(camera->url.request_uri());
    LT_CHECK(again.has_value() && again->url == camera->url);
    LT_CHECK(camera->url.display().find('@') == std::string::npos);
  }
  (void)longtake::rtsp::resolve_control("rtsp://192.0.2.7/main", text);
  return 0;
}
