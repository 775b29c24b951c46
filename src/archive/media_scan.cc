#include "archive/media_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace longtake::archive {
namespace {

constexpr std::size_t kIdDigits = 16;
constexpr std::string_view kSegmentSuffix = ".mp4";

bool is_day(std::string_view name) {
  return name.size() == 8 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

void note(std::vector<std::string>* strangers, std::string path) {
  if (strangers != nullptr) strangers->push_back(std::move(path));
}

/// "front-0011223344556677" says it all but when it was made.
std::optional<RecordingFolder> from_folder_name(const std::string& name) {
  if (name.size() < kIdDigits + 2 || name[name.size() - kIdDigits - 1] != '-') return std::nullopt;
  const auto id = media::recording_id_from(std::string_view(name).substr(name.size() - kIdDigits));
  if (!id) return std::nullopt;
  RecordingFolder folder;
  folder.path = base::join_path(kRecordingsFolder, name);
  folder.name = name.substr(0, name.size() - kIdDigits - 1);
  folder.id = *id;
  folder.has_manifest = false;
  return folder;
}

Result<std::vector<SegmentPath>> segments_of_day(base::FileSystem& files,
                                                 const std::string& recording,
                                                 const std::string& day,
                                                 std::vector<std::string>* strangers) {
  const std::string folder = base::join_path(recording, day);
  LT_ASSIGN(const std::vector<base::DirectoryEntry> entries, files.list(folder));
  std::vector<SegmentPath> segments;
  segments.reserve(entries.size());
  for (const base::DirectoryEntry& entry : entries) {
    std::string path = base::join_path(folder, entry.name);
    const std::string_view name = entry.name;
    const auto id =
        name.ends_with(kSegmentSuffix)
            ? media::segment_id_from(name.substr(0, name.size() - kSegmentSuffix.size()))
            : std::nullopt;
    if (id && !entry.is_directory) {
      segments.push_back({std::move(path), day, *id});
    } else {
      note(strangers, std::move(path));
    }
  }
  std::ranges::sort(segments, {}, &SegmentPath::id);
  return segments;
}

}  // namespace

std::string recording_folder_path(const std::string& name, media::RecordingId id) {
  return fmt::format("{}/{}-{}", kRecordingsFolder, name, media::to_string(id));
}

std::string segment_path(const std::string& recording_folder, const std::string& day,
                         media::SegmentId id) {
  return fmt::format("{}/{}/{}{}", recording_folder, day, media::to_string(id), kSegmentSuffix);
}

Result<std::vector<RecordingFolder>> list_recordings(base::FileSystem& files,
                                                     std::vector<std::string>* strangers) {
  std::vector<RecordingFolder> recordings;
  auto entries = files.list(kRecordingsFolder);
  if (!entries) {
    if (entries.error().code() == ErrorCode::kNotFound) return recordings;
    return std::unexpected(std::move(entries).error());
  }
  for (const base::DirectoryEntry& entry : *entries) {
    auto folder = entry.is_directory ? from_folder_name(entry.name) : std::nullopt;
    if (!folder) {
      note(strangers, base::join_path(kRecordingsFolder, entry.name));
      continue;
    }
    // The folder's name is the second witness: a manifest that is torn, or that somebody copied here from another
    // recording, does not take the footage with it.
    const auto manifest = read_recording_manifest(files, folder->path);
    if (manifest && manifest->id == folder->id) {
      folder->name = manifest->name;
      folder->created = manifest->created;
      folder->has_manifest = true;
      folder->policy = manifest->policy;
    }
    recordings.push_back(std::move(*folder));
  }
  return recordings;
}

Result<void> for_each_segment_file(base::FileSystem& files, const RecordingFolder& recording,
                                   const std::string& from_day,
                                   const std::function<Result<void>(const SegmentPath&)>& visit,
                                   std::vector<std::string>* strangers) {
  LT_ASSIGN(const std::vector<base::DirectoryEntry> entries, files.list(recording.path));
  for (const base::DirectoryEntry& entry : entries) {
    if (entry.name == kRecordingManifestName) continue;
    if (!entry.is_directory || !is_day(entry.name)) {
      note(strangers, base::join_path(recording.path, entry.name));
      continue;
    }
    if (entry.name < from_day) continue;
    LT_ASSIGN(const std::vector<SegmentPath> segments,
              segments_of_day(files, recording.path, entry.name, strangers));
    for (const SegmentPath& segment : segments) LT_TRY(visit(segment));
  }
  return {};
}

}  // namespace longtake::archive
