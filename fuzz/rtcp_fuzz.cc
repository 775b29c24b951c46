// Compound RTCP packets.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "rtsp/rtcp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  const auto report = longtake::rtsp::parse_rtcp(bytes);
  if (report && report->sender) (void)longtake::rtsp::wall_time_of_ntp(report->sender->ntp);
  return 0;
}
