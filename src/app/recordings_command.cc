#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/api_client.h"
#include "app/commands.h"
#include "app/recordings_text.h"

namespace longtake::app {
namespace {

using nlohmann::json;

Result<json> get(const std::string& url, const std::string& path) {
  LT_ASSIGN(const std::string text, api_get(url, path));
  json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}{} did not answer as a longtake does; is that a longtake server?",
                            url, path));
  }
  return answer;
}

}  // namespace

int list_recordings(const std::string& url) {
  const auto answer = get(url, "/api/v1/recordings");
  if (!answer) return report(answer.error());
  fmt::print("{}", recordings_text(*answer));
  return kExitWell;
}

int show_recording(const std::string& url, const std::string& name) {
  if (!is_name(name)) {
    return report(
        {ErrorCode::kInvalidArgument,
         fmt::format("\"{}\" is no recording's name: 1 to 64 letters, digits and -", name)});
  }
  const auto recording = get(url, "/api/v1/recordings/" + name);
  if (!recording) return report(recording.error());
  const auto timeline = get(url, "/api/v1/recordings/" + name + "/timeline");
  if (!timeline) return report(timeline.error());
  fmt::print("{}", recording_text(*recording, *timeline));
  return kExitWell;
}

}  // namespace longtake::app
