#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace longtake::app {

/// One camera and the recording it feeds, as the operator wrote it.
struct CameraEntry {
  std::string name;      // [A-Za-z0-9-]{1,64}; the recording's too
  base::Secret url;      // rtsp://...; may carry user info, so it is treated as a secret
  std::string username;  // outranks the URL's user info
  std::optional<base::Secret> password;
  std::optional<microseconds> segment_length;
  std::optional<microseconds> keep;
  std::optional<std::uint64_t> max_size_bytes;
};

/// Everything `longtake serve` can be told, by file and by flags.
struct Config {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::string log_level = "info";
  microseconds segment_length{60'000'000};
  std::optional<microseconds> keep;
  std::optional<std::uint64_t> max_total_bytes;
  std::uint64_t min_free_bytes = 0;
  std::uint32_t min_free_percent = 5;
  std::vector<CameraEntry> cameras;

  /// The recording of one camera: its own settings over the common ones.
  [[nodiscard]] archive::RecordingConfig recording_of(const CameraEntry& camera) const;
};

/// Flags as given; what is set wins over the file.
struct Flags {
  std::optional<std::string> config_path;
  std::optional<std::string> data;
  std::optional<std::string> listen;
  std::optional<std::string> log_level;
  std::optional<std::string> segment_length;
  std::optional<std::string> keep;
  std::optional<std::string> max_total_size;
  std::optional<std::string> min_free;
  std::vector<std::string> cameras;  // "front=rtsp://..."
};

/// Reads the file, lays the flags over it, and checks all of it.
///
/// Errors     kInvalidArgument with every problem, one a line, each with its place ("longtake.toml:12: ...") and a way
///            out; kNotFound or kPermissionDenied when a file cannot be read. Never a secret.
Result<Config> load_config(const Flags& flags);

/// The same from a text, for tests and fuzzing; `name` stands in messages. Files and environment variables that it
/// names are read.
Result<Config> parse_config(std::string_view text, const std::string& name, const Flags& flags);

/// Whether a camera and its recording may be called that: [A-Za-z0-9-]{1,64}.
bool is_name(std::string_view name);

/// "500GB", "2GiB", "1048576". Decimal and binary units, no fractions below a byte.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace longtake::app
