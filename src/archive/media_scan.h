#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/manifest.h"
#include "base/file_system.h"
#include "media/fragment_index.h"

/// Where media lies in a volume, and the walk over it: recordings/SLUG-ID/yyyymmdd/RUN-SEQ.mp4.
namespace longtake::archive {

inline constexpr const char* kRecordingsFolder = "recordings";
inline constexpr const char* kQuarantineFolder = "quarantine";
inline constexpr const char* kTrashFolder = "trash";
inline constexpr const char* kLedgerFolder = "ledger";

/// One recording's folder and what its recording.json says; without a readable one, what the folder's name says.
struct RecordingFolder {
  std::string path;  // "recordings/front-0011223344556677"
  std::string name;
  media::RecordingId id;
  WallTime created;
  bool has_manifest = true;
  RecordingPolicy policy = {};
};

/// One segment file, by its place alone: nothing has been read.
struct SegmentPath {
  std::string path;
  std::string day;  // "20260131"
  media::SegmentId id;
};

std::string recording_folder_path(const std::string& name, media::RecordingId id);
std::string segment_path(const std::string& recording_folder, const std::string& day,
                         media::SegmentId id);

/// All recordings of the volume, in order of their folders' names. `strangers`, where given, gets the paths of what is
/// none (also of what a crash left while a folder was being made: a folder without id or name).
Result<std::vector<RecordingFolder>> list_recordings(base::FileSystem& files,
                                                     std::vector<std::string>* strangers = nullptr);

/// Calls `visit` for each segment file of the recording, days in order, from `from_day` on ("" = all), and within a day
/// in order of run and sequence. What is no segment file goes into `strangers`, where given.
///
/// Errors     those of the file system and of `visit`, which end the walk.
Result<void> for_each_segment_file(base::FileSystem& files, const RecordingFolder& recording,
                                   const std::string& from_day,
                                   const std::function<Result<void>(const SegmentPath&)>& visit,
                                   std::vector<std::string>* strangers = nullptr);

}  // namespace longtake::archive
