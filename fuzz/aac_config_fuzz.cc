// AudioSpecificConfig.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/aac_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  longtake::ByteSpan bytes = std::as_bytes(std::span(data, data_size));
  const auto config = longtake::codec::aac::parse_audio_config(bytes);
  if (config) {
    LT_CHECK(config->core_sample_rate_hz > 0 && config->channels <= 8);
    (void)longtake::codec::aac::codec_string(*config);
  }
  return 0;
}
