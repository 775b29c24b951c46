#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "app/config.h"
#include "base/check.h"

/// A longtake.toml of any bytes: read, or refused with a sentence for each problem. What is read
/// keeps what the rest of the program builds on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // password_file and password_env would read this machine's files and environment.
  if (text.find("password_") != std::string_view::npos || text.find('\\') != std::string_view::npos)
    return 0;
  const auto config = longtake::app::parse_config(text, "longtake.toml", {});
  if (!config) {
    LT_CHECK(!config.error().message().empty());
    return 0;
  }
  std::set<std::string_view> names;
  for (const auto& camera : config->cameras) {
    LT_CHECK(!camera.name.empty() && camera.name.size() <= 64);
    LT_CHECK(names.insert(camera.name).second);
    LT_CHECK(config->recording_of(camera).segment_length > longtake::microseconds(0));
  }
  LT_CHECK(config->min_free_percent <= 90);
  return 0;
}
