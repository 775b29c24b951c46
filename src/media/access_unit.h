#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/time.h"
#include "media/media_time.h"
#include "media/track.h"

namespace longtake::media {

/// Everything with one PTS on one track: what flows from a session into a recording. Shared and never altered.
struct AccessUnit {
  TrackId track = 0;
  /// Unwrapped RTP time (64 bits), in the track's timescale. `dts` grows strictly within a session and SSRC as far
  /// as the camera lets it; `pts >= dts`. What the camera's times are worth is the timeline's business, not ours.
  MediaTime dts;
  MediaTime pts;
  MonotonicTime received;  // when its last packet was taken from the socket
  bool is_sync =
      false;  // decodes alone: IDR or recovery point with parameter sets known; every audio unit
  bool is_damaged = false;  // packets are missing inside or directly before it
  /// As a sample of an MP4: H.264 NAL units each behind a 4-byte length, no access unit delimiters; AAC raw frames.
  Bytes payload;
};
using AccessUnitPtr = std::shared_ptr<const AccessUnit>;

}  // namespace longtake::media
