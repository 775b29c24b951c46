#pragma once

#include <string>

#include "sim/camera/camera_settings.h"
#include "sim/camera/media_file.h"

namespace longtake::camsim {

inline constexpr std::uint8_t kVideoPayloadType = 96;
inline constexpr std::uint8_t kAudioPayloadType = 97;

/// The session description of a camera; tracks are `video`, `audio`, and `extra1`, `extra2` that
/// never send.
///
/// Source     RFC 4566; RFC 6184 §8.2.1; RFC 3640 §4.1; ONVIF Streaming §5.2.1.1 for the metadata
///            track.
std::string write_sdp(const MediaFile& media, double pictures_per_second,
                      const DescriptionSettings& settings);

}  // namespace longtake::camsim
