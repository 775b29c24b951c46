#include "sim/camera/media_library.h"

#include <fmt/format.h>

namespace longtake::camsim {

Result<PacketizedMediaPtr> MediaLibrary::load(const std::string& video_path,
                                              const std::string& audio_path,
                                              const PacketLayout& layout) {
  const std::string key = fmt::format("{}|{}|{}|{}", video_path, audio_path,
                                      layout.max_payload_bytes, layout.aggregate);
  if (const auto found = loaded_.find(key); found != loaded_.end()) return found->second;
  LT_ASSIGN(MediaFilePtr file, MediaFile::load(video_path, audio_path));
  return loaded_[key] = packetize(std::move(file), layout);
}

}  // namespace longtake::camsim
