#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "base/limits.h"
#include "base/log.h"

namespace longtake::app {
namespace {

constexpr std::uintmax_t kConfigFileBytes = 4 * 1024 * 1024;
constexpr microseconds kShortestSegment = std::chrono::seconds(1);
constexpr microseconds kLongestSegment = std::chrono::minutes(5);

constexpr std::array<std::string_view, 8> kTopKeys = {"data",           "listen", "log_level",
                                                      "segment_length", "keep",   "max_total_size",
                                                      "min_free",       "camera"};
constexpr std::array<std::string_view, 9> kCameraKeys = {
    "name",           "url",  "username", "password", "password_file", "password_env",
    "segment_length", "keep", "max_size"};

/// Edits (insert, delete, replace) that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  return *std::ranges::min_element(known, {},
                                   [&](std::string_view key) { return edit_distance(word, key); });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
  });
}

/// Collects problems, so that one run shows them all.
class Problems {
 public:
  void add(std::string where, std::string_view what) {
    lines_.push_back(fmt::format("{}: {}", where, what));
  }
  [[nodiscard]] bool is_empty() const { return lines_.empty(); }
  [[nodiscard]] Error error() const {
    return {ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(lines_, "\n"))};
  }

 private:
  std::vector<std::string> lines_;
};

/// One setting's text turned into its type, the problem noted where that fails.
std::optional<microseconds> duration_of(std::string_view text, const std::string& where,
                                        Problems& problems) {
  auto duration = parse_duration(text);
  if (!duration) {
    problems.add(where, duration.error().message());
    return std::nullopt;
  }
  if (*duration <= microseconds(0)) {
    problems.add(where, fmt::format("\"{}\" is not longer than nothing", text));
    return std::nullopt;
  }
  return *duration;
}

std::optional<microseconds> segment_length_of(std::string_view text, const std::string& where,
                                              Problems& problems) {
  auto length = duration_of(text, where, problems);
  if (!length) return std::nullopt;
  if (*length < kShortestSegment || *length > kLongestSegment) {
    problems.add(
        where,
        fmt::format("a segment of {} is outside 1 s to 5 min; 60s is the usual choice", text));
    return std::nullopt;
  }
  return length;
}

std::optional<std::uint64_t> size_of(std::string_view text, const std::string& where,
                                     Problems& problems) {
  auto size = parse_size(text);
  if (!size) {
    problems.add(where, size.error().message());
    return std::nullopt;
  }
  return *size;
}

void set_min_free(Config& config, std::string_view text, const std::string& where,
                  Problems& problems) {
  if (text.ends_with('%')) {
    std::uint32_t percent = 0;
    const std::string_view digits = text.substr(0, text.size() - 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), percent);
    if (error != std::errc() || end != digits.data() + digits.size() || percent > 90) {
      problems.add(where, fmt::format("\"{}\" is not a percentage from 0% to 90%", text));
      return;
    }
    config.min_free_percent = percent;
    config.min_free_bytes = 0;
    return;
  }
  if (const auto bytes = size_of(text, where, problems)) {
    config.min_free_bytes = *bytes;
    config.min_free_percent = 0;
  }
}

Result<std::string> read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::kNotFound, fmt::format("cannot read {}", path));
  std::string content(4096, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  // Editors end a file with a line feed; a password does not.
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  return content;
}

/// Reads one TOML document into a Config.
class FileReader {
 public:
  FileReader(std::string name, Config& config, Problems& problems)
      : name_(std::move(name)), config_(config), problems_(problems) {}

  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string_view word = key.str();
      if (word == "camera") {
        read_cameras(node);
      } else if (std::ranges::find(kTopKeys, word) == kTopKeys.end()) {
        unknown_key(key, kTopKeys);
      } else if (const auto text = text_of(node, word)) {
        set_top(word, *text, place(node));
      }
    }
  }

 private:
  [[nodiscard]] std::string place(const toml::node& node) const { return place(node.source()); }
  [[nodiscard]] std::string place(const toml::source_region& source) const {
    return fmt::format("{}:{}", name_, source.begin.line);
  }

  void unknown_key(const toml::key& key, std::span<const std::string_view> known) {
    problems_.add(place(key.source()), fmt::format("unknown key \"{}\"; did you mean \"{}\"?",
                                                   key.str(), nearest(key.str(), known)));
  }

  std::optional<std::string> text_of(const toml::node& node, std::string_view key) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
    problems_.add(place(node), fmt::format("{} wants a text in quotes", key));
    return std::nullopt;
  }

  void set_top(std::string_view key, const std::string& text, const std::string& where) {
    if (key == "data") config_.data = text;
    if (key == "listen") config_.listen = text;
    if (key == "log_level") config_.log_level = text;
    if (key == "segment_length") {
      config_.segment_length =
          segment_length_of(text, where, problems_).value_or(config_.segment_length);
    }
    if (key == "keep") config_.keep = duration_of(text, where, problems_);
    if (key == "max_total_size") config_.max_total_bytes = size_of(text, where, problems_);
    if (key == "min_free") set_min_free(config_, text, where, problems_);
  }

  void read_cameras(const toml::node& node) {
    const toml::array* cameras = node.as_array();
    if (cameras == nullptr || !cameras->is_homogeneous<toml::table>()) {
      problems_.add(place(node), "cameras are written as [[camera]], each with name and url");
      return;
    }
    for (const toml::node& camera : *cameras) read_camera(*camera.as_table());
  }

  void read_camera(const toml::table& table) {
    CameraEntry camera;
    const std::string where = place(table);
    int password_sources = 0;
    for (const auto& [key, node] : table) {
      const std::string_view word = key.str();
      if (std::ranges::find(kCameraKeys, word) == kCameraKeys.end()) {
        unknown_key(key, kCameraKeys);
        continue;
      }
      const auto text = text_of(node, word);
      if (!text) continue;
      if (word.starts_with("password")) ++password_sources;
      set_camera(camera, word, *text, place(node));
    }
    if (password_sources > 1) {
      problems_.add(where, "give one of password, password_file and password_env, not several");
    }
    if (camera.name.empty()) problems_.add(where, "a camera without a name; add name = \"front\"");
    if (camera.url.is_empty()) {
      problems_.add(where,
                    fmt::format("camera \"{}\" has no url; add url = \"rtsp://...\"", camera.name));
    }
    config_.cameras.push_back(std::move(camera));
  }

  void set_camera(CameraEntry& camera, std::string_view key, const std::string& text,
                  const std::string& where) {
    if (key == "name") camera.name = text;
    if (key == "url") camera.url = base::Secret(text);
    if (key == "username") camera.username = text;
    if (key == "password") camera.password = base::Secret(text);
    if (key == "password_file") {
      auto content = read_secret_file(text);
      if (!content) {
        problems_.add(where,
                      fmt::format("{}; password_file names a file that holds only the password",
                                  content.error().message()));
      } else {
        camera.password = base::Secret(std::move(*content));
      }
    }
    if (key == "password_env") {
      const char* value =
          std::getenv(text.c_str());  // NOLINT(concurrency-mt-unsafe): before threads change it
      if (value == nullptr) {
        problems_.add(where, fmt::format("the environment variable {} is not set", text));
      } else {
        camera.password = base::Secret(value);
      }
    }
    if (key == "segment_length") camera.segment_length = segment_length_of(text, where, problems_);
    if (key == "keep") camera.keep = duration_of(text, where, problems_);
    if (key == "max_size") camera.max_size_bytes = size_of(text, where, problems_);
  }

  std::string name_;
  Config& config_;
  Problems& problems_;
};

void apply_camera_flag(Config& config, const std::string& flag, Problems& problems) {
  const std::size_t equals = flag.find('=');
  const std::string name = flag.substr(0, equals);
  if (equals == std::string::npos || !is_name(name)) {
    // The text may hold a password, so only its beginning may be shown.
    problems.add("--camera", "is written NAME=rtsp://..., with a name of letters, digits and -");
    return;
  }
  const auto same = std::ranges::find(config.cameras, name, &CameraEntry::name);
  CameraEntry& camera = same != config.cameras.end() ? *same : config.cameras.emplace_back();
  camera.name = name;
  camera.url = base::Secret(flag.substr(equals + 1));
}

void apply_flags(Config& config, const Flags& flags, Problems& problems) {
  if (flags.data) config.data = *flags.data;
  if (flags.listen) config.listen = *flags.listen;
  if (flags.log_level) config.log_level = *flags.log_level;
  if (flags.segment_length) {
    config.segment_length = segment_length_of(*flags.segment_length, "--segment-length", problems)
                                .value_or(config.segment_length);
  }
  if (flags.keep) config.keep = duration_of(*flags.keep, "--keep", problems);
  if (flags.max_total_size)
    config.max_total_bytes = size_of(*flags.max_total_size, "--max-total-size", problems);
  if (flags.min_free) set_min_free(config, *flags.min_free, "--min-free", problems);
  for (const std::string& camera : flags.cameras) apply_camera_flag(config, camera, problems);
}

void check_whole(const Config& config, const std::string& name, Problems& problems) {
  if (config.data.empty()) {
    problems.add(name, "no data folder; give --data DIR, or data = \"DIR\" in the config file");
  }
  if (!base::parse_log_level(config.log_level)) {
    problems.add(name, fmt::format("log level \"{}\" is none of trace, debug, info, warning, error",
                                   config.log_level));
  }
  if (config.cameras.size() > limits::kCameras) {
    problems.add(name, fmt::format("{} cameras are more than the {} one recorder takes",
                                   config.cameras.size(), limits::kCameras));
  }
  std::set<std::string_view> names;
  for (const CameraEntry& camera : config.cameras) {
    if (camera.name.empty()) continue;  // said already
    if (!is_name(camera.name)) {
      problems.add(name, fmt::format("camera name \"{}\" is not 1 to 64 letters, digits and -",
                                     camera.name));
    } else if (!names.insert(camera.name).second) {
      problems.add(
          name, fmt::format("two cameras are called \"{}\"; a name is one recording", camera.name));
    }
    if (!camera.url.is_empty() && !camera.url.reveal().starts_with("rtsp://")) {
      problems.add(name,
                   fmt::format("camera \"{}\": its url does not begin with rtsp://", camera.name));
    }
  }
}

Result<std::string> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail(ErrorCode::kNotFound, fmt::format("cannot read the config file {}", path));
  const std::streamoff size = file.tellg();
  if (size < 0 || static_cast<std::uintmax_t>(size) > kConfigFileBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is larger than a config file of 4 MiB", path));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  file.read(text.data(), size);
  if (file.gcount() != size)
    return fail(ErrorCode::kUnavailable, fmt::format("cannot read all of {}", path));
  return text;
}

}  // namespace

archive::RecordingConfig Config::recording_of(const CameraEntry& camera) const {
  return {.name = camera.name,
          .segment_length = camera.segment_length.value_or(segment_length),
          .keep = camera.keep ? camera.keep : keep,
          .max_size_bytes = camera.max_size_bytes};
}

Result<Config> parse_config(std::string_view text, const std::string& name, const Flags& flags) {
  Config config;
  Problems problems;
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    problems.add(fmt::format("{}:{}", name, error.source().begin.line), error.description());
    return std::unexpected(problems.error());
  }
  FileReader(name, config, problems).read(parsed.table());
  apply_flags(config, flags, problems);
  check_whole(config, name, problems);
  if (!problems.is_empty()) return std::unexpected(problems.error());
  return config;
}

Result<Config> load_config(const Flags& flags) {
  if (!flags.config_path) return parse_config("", "command line", flags);
  LT_ASSIGN(const std::string text, read_config_file(*flags.config_path));
  return parse_config(text, *flags.config_path, flags);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr std::array<Unit, 14> kUnits = {{{"", 1},
                                                   {"B", 1},
                                                   {"kB", 1000},
                                                   {"KB", 1000},
                                                   {"MB", 1000'000},
                                                   {"GB", 1000'000'000},
                                                   {"TB", 1000'000'000'000},
                                                   {"KiB", 1ULL << 10U},
                                                   {"MiB", 1ULL << 20U},
                                                   {"GiB", 1ULL << 30U},
                                                   {"TiB", 1ULL << 40U},
                                                   {"M", 1ULL << 20U},
                                                   {"G", 1ULL << 30U},
                                                   {"T", 1ULL << 40U}}};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const auto found = std::ranges::find(kUnits, unit, &Unit::name);
  if (error != std::errc() || found == kUnits.end() ||
      number > std::numeric_limits<std::uint64_t>::max() / found->bytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is no size; write 500GB, 2GiB or a number of bytes", text));
  }
  return number * found->bytes;
}

}  // namespace longtake::app
