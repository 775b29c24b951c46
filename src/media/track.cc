#include "media/track.h"

namespace longtake::media {

std::string_view to_string(TrackKind kind) {
  switch (kind) {
    case TrackKind::kVideo:
      return "video";
    case TrackKind::kAudio:
      return "audio";
    case TrackKind::kData:
      return "data";
  }
  return "unrecognised";  // a number read from a file of a newer version
}

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kH264:
      return "h264";
    case Codec::kAac:
      return "aac";
  }
  return "unrecognised";
}

}  // namespace longtake::media
