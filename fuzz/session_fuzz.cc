// A whole session, as a hostile camera would lead it.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "base/random.h"
#include "rtsp/session.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  struct Nowhere final : longtake::media::ItemSink {
    void on_item(const longtake::media::Item&) override {}
  } sink;
  longtake::base::SeededRandom random(1);
  const auto camera = longtake::rtsp::parse_camera_url("rtsp://user:password@192.0.2.7/main");
  longtake::rtsp::Session session(camera->url, camera->username, camera->password, random, sink);
  longtake::MonotonicTime now{};
  session.start(now);
  (void)session.take_output();
  // The whole input is what the camera sends; the first byte sets the size of the pieces.
  const std::size_t step = bytes.empty() ? 1 : 1 + std::to_integer<std::size_t>(bytes[0]) * 4;
  std::size_t done = 0;
  for (std::size_t end = std::min(step, bytes.size()); !session.ended();
       end = std::min(end + step, bytes.size())) {
    done += session.feed(bytes.subspan(done, end - done), now);
    LT_CHECK(end - done < longtake::rtsp::InterleavedScanner::kMaxFrameBytes);
    now += longtake::milliseconds(100);
    session.on_tick(now);
    (void)session.take_output();
    if (end == bytes.size()) break;
  }
  session.tear_down(now);
  (void)session.counters();
  return 0;
}
