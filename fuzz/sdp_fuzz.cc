// Session descriptions and the plan made of them.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "rtsp/sdp.h"
#include "rtsp/track_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  struct Nowhere final : longtake::media::ItemSink {
    void on_item(const longtake::media::Item&) override {}
  } sink;
  const auto session = longtake::rtsp::parse_sdp(longtake::as_text(bytes));
  if (session) (void)longtake::rtsp::plan_tracks(*session, "rtsp://192.0.2.7/main/", sink);
  return 0;
}
