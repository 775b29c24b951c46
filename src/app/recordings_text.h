#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace longtake::app {

/// What `longtake recordings list` and `show` print of a server's answers, for a person at a terminal.
///
/// Errors     none: an answer of another shape shows as dashes; bytes that a terminal would obey show as "?".
std::string recordings_text(const nlohmann::json& answer);
std::string recording_text(const nlohmann::json& recording, const nlohmann::json& timeline);

}  // namespace longtake::app
