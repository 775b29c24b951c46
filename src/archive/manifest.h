#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "media/fragment_index.h"

/// The two small JSON files that say what a folder is: volume.json and recording.json. Replaced whole, never edited.
namespace longtake::archive {

inline constexpr std::uint32_t kVolumeFormat = 1;
inline constexpr const char* kVolumeManifestPath = "volume.json";
inline constexpr const char* kRecordingManifestName = "recording.json";

struct VolumeManifest {
  std::uint32_t format = kVolumeFormat;
  std::string identity;       // 32 random hex digits; the volume's own, whatever it is mounted as
  std::uint64_t starts = 0;   // one more at each start, and each time a life needs more run numbers
  std::uint64_t settled = 0;  // what runs of starts up to here left behind has been recovered
  WallTime created;
};

/// How long a recording is kept, as last configured: it holds also when its camera is configured no more.
struct RecordingPolicy {
  std::optional<microseconds> keep;
  std::optional<std::uint64_t> max_size_bytes;
  friend bool operator==(const RecordingPolicy&, const RecordingPolicy&) = default;
};

struct RecordingManifest {
  std::string name;
  media::RecordingId id;
  WallTime created;
  RecordingPolicy policy = {};  // absent in files of earlier versions: kept for ever
};

/// Errors     kNotFound: no such file. kDataLoss: not JSON of ours. kFailedPrecondition: a format of a later version.
Result<VolumeManifest> read_volume_manifest(base::FileSystem& files);
Result<void> write_volume_manifest(base::FileSystem& files, const VolumeManifest& manifest);

/// `folder` is the recording's: "recordings/front-0011223344556677".
Result<RecordingManifest> read_recording_manifest(base::FileSystem& files,
                                                  const std::string& folder);
Result<void> write_recording_manifest(base::FileSystem& files, const std::string& folder,
                                      const RecordingManifest& manifest);

}  // namespace longtake::archive
