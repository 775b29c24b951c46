// H.264 parameter sets and SEI.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/h264_config.h"
#include "codec/h264_nal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  namespace h264 = longtake::codec::h264;
  const auto sps = h264::parse_sps(bytes);
  (void)h264::recovery_point(bytes);
  h264::ParameterSets sets;
  (void)sets.add_sps(bytes);
  (void)sets.add_pps(bytes);
  LT_CHECK(!sps ||
           (sps->width > 0 && sps->width <= 16'384 && sps->height > 0 && sps->height <= 16'384));
  const std::byte pps[] = {std::byte{0x68}, std::byte{0xcb}};
  (void)sets.add_pps(pps);
  if (sets.is_complete()) (void)sets.track_config(1, 90'000);
  return 0;
}
