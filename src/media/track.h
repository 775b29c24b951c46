#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace longtake::media {

enum class TrackKind : std::uint8_t { kVideo = 1, kAudio = 2, kData = 3 };
enum class Codec : std::uint8_t {
  kH264 = 1,
  kAac = 2
};  // further ones come with their depacketizers

std::string_view to_string(TrackKind kind);  // "video"
std::string_view to_string(Codec codec);     // "h264"

/// Track ids: video 1, audio 2 by convention of the session; unique within it, 1 to 255.
using TrackId = std::uint8_t;

/// Everything a decoder needs to start on a track; one object per change, shared and never altered.
struct TrackConfig {
  TrackId track = 0;
  TrackKind kind = TrackKind::kVideo;
  Codec codec = Codec::kH264;
  std::uint32_t timescale_hz = 90'000;  // the RTP clock rate
  /// H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). AAC: AudioSpecificConfig (14496-3 §1.6.2.1).
  Bytes decoder_config;
  std::string codec_string;  // RFC 6381: "avc1.64001f", "mp4a.40.2"
  std::uint32_t width = 0;   // video, pixels after cropping
  std::uint32_t height = 0;
  std::uint32_t sample_rate_hz = 0;  // audio
  std::uint32_t channels = 0;
  std::uint32_t reorder_depth = 0;  // pictures by which decode order may run ahead of output order

  friend bool operator==(const TrackConfig&, const TrackConfig&) = default;
};
using TrackConfigPtr = std::shared_ptr<const TrackConfig>;

}  // namespace longtake::media
