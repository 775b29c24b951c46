#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "sim/camera/packetizer.h"

namespace longtake::camsim {

/// Loads each media file once, however many cameras play it.
class MediaLibrary {
 public:
  /// `audio_path` may be empty.
  Result<PacketizedMediaPtr> load(const std::string& video_path, const std::string& audio_path,
                                  const PacketLayout& layout);

 private:
  std::map<std::string, PacketizedMediaPtr> loaded_;
};

}  // namespace longtake::camsim
