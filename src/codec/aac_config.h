#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "media/track.h"

namespace longtake::codec::aac {

/// What an AudioSpecificConfig says.
struct AudioConfig {
  std::uint32_t object_type = 0;            // of the core: 2 = AAC-LC
  std::uint32_t signalled_object_type = 0;  // as written first: 5 = SBR, 29 = PS, else the core's
  std::uint32_t core_sample_rate_hz = 0;    // the core decoder's
  std::uint32_t sample_rate_hz = 0;         // what comes out: twice the core's with explicit SBR
  std::uint32_t channels = 0;               // 0: a program config element says (not read)
  std::uint32_t frame_samples = 1024;       // core samples in one access unit: 1024 or 960
};

/// Source     ISO/IEC 14496-3 §1.6.2.1, §4.4.1; explicit hierarchical SBR and PS signalling.
/// Errors     kInvalidArgument: cut off, or a reserved sample rate or channel configuration.
Result<AudioConfig> parse_audio_config(ByteSpan config);

/// The two-byte AAC-LC config for cameras that leave it out of their SDP.
/// Errors     kInvalidArgument: no such sample rate in the table, or more than 8 channels.
Result<Bytes> make_lc_config(std::uint32_t sample_rate_hz, std::uint32_t channels);

/// RFC 6381: "mp4a.40.2".
std::string codec_string(const AudioConfig& config);

media::TrackConfigPtr track_config(media::TrackId track, std::uint32_t timescale_hz,
                                   const AudioConfig& config, Bytes raw);

}  // namespace longtake::codec::aac
