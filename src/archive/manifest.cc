#include "archive/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace longtake::archive {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kManifestBytes = 64 * 1024;
// A run's number has 40 bits for the start (media/fragment_index.h); nobody starts that often.
constexpr std::uint64_t kMostStarts = (1ULL << 40U) - 2;
constexpr std::uint64_t kMostKeepUs = 1ULL << 62U;

Result<Json> read_json(base::FileSystem& files, const std::string& path) {
  LT_ASSIGN(const Bytes content, base::read_file(files, path, kManifestBytes));
  Json json = Json::parse(as_text(content), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail(ErrorCode::kDataLoss, path + ": is not a JSON object");
  return json;
}

Result<std::string> text_of(const Json& json, const char* key, const std::string& path) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: has no text \"{}\"", path, key));
  }
  return found->get<std::string>();
}

Result<std::uint64_t> number_of(const Json& json, const char* key, const std::string& path) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: has no number \"{}\"", path, key));
  }
  return found->get<std::uint64_t>();
}

Result<std::optional<std::uint64_t>> optional_number_of(const Json& json, const char* key,
                                                        const std::string& path) {
  if (!json.contains(key)) return std::nullopt;
  LT_ASSIGN(const std::uint64_t number, number_of(json, key, path));
  return number;
}

Result<WallTime> time_of(const Json& json, const char* key, const std::string& path) {
  LT_ASSIGN(const std::string text, text_of(json, key, path));
  auto time = parse_wall_time(text);
  if (!time) return std::unexpected(std::move(time).error().in(path));
  return *time;
}

Result<void> write_json(base::FileSystem& files, const std::string& path, const Json& json) {
  return base::atomic_replace(files, path, as_bytes(json.dump(2) + "\n"));
}

}  // namespace

Result<VolumeManifest> read_volume_manifest(base::FileSystem& files) {
  const std::string path = kVolumeManifestPath;
  LT_ASSIGN(const Json json, read_json(files, path));
  VolumeManifest manifest;
  LT_ASSIGN(const std::uint64_t format, number_of(json, "format", path));
  if (format > kVolumeFormat) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} says format {}, this version of longtake knows up to {}; use the "
                            "version that wrote it or a newer one",
                            path, format, kVolumeFormat));
  }
  manifest.format = static_cast<std::uint32_t>(format);
  LT_ASSIGN(manifest.identity, text_of(json, "identity", path));
  LT_ASSIGN(manifest.starts, number_of(json, "starts", path));
  if (manifest.starts > kMostStarts) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("{}: {} starts are more than can be", path, manifest.starts));
  }
  LT_ASSIGN(manifest.settled, number_of(json, "settled", path));
  LT_ASSIGN(manifest.created, time_of(json, "created", path));
  return manifest;
}

Result<void> write_volume_manifest(base::FileSystem& files, const VolumeManifest& manifest) {
  return write_json(files, kVolumeManifestPath,
                    Json{{"format", manifest.format},
                         {"identity", manifest.identity},
                         {"starts", manifest.starts},
                         {"settled", manifest.settled},
                         {"created", to_string(manifest.created)}});
}

Result<RecordingManifest> read_recording_manifest(base::FileSystem& files,
                                                  const std::string& folder) {
  const std::string path = base::join_path(folder, kRecordingManifestName);
  LT_ASSIGN(const Json json, read_json(files, path));
  RecordingManifest manifest;
  LT_ASSIGN(manifest.name, text_of(json, "name", path));
  LT_ASSIGN(const std::string id, text_of(json, "id", path));
  const auto parsed = media::recording_id_from(id);
  if (!parsed) return fail(ErrorCode::kDataLoss, fmt::format("{}: \"{}\" is no id", path, id));
  manifest.id = *parsed;
  LT_ASSIGN(manifest.created, time_of(json, "created", path));
  LT_ASSIGN(const auto keep_us, optional_number_of(json, "keep_us", path));
  if (keep_us && *keep_us > kMostKeepUs) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("{}: to keep for {} us is more than can be", path, *keep_us));
  }
  if (keep_us) manifest.policy.keep = microseconds(static_cast<std::int64_t>(*keep_us));
  LT_ASSIGN(manifest.policy.max_size_bytes, optional_number_of(json, "max_size_bytes", path));
  return manifest;
}

Result<void> write_recording_manifest(base::FileSystem& files, const std::string& folder,
                                      const RecordingManifest& manifest) {
  Json json{{"name", manifest.name},
            {"id", media::to_string(manifest.id)},
            {"created", to_string(manifest.created)}};
  if (manifest.policy.keep) {
    json["keep_us"] = static_cast<std::uint64_t>(manifest.policy.keep->count());
  }
  if (manifest.policy.max_size_bytes) json["max_size_bytes"] = *manifest.policy.max_size_bytes;
  return write_json(files, base::join_path(folder, kRecordingManifestName), json);
}

}  // namespace longtake::archive
