#pragma once

#include <string>

#include "base/result.h"

namespace longtake::app {

/// GET of a running server's API; libcurl's home.
///
/// Limits     5 s to connect, 30 s in all, 64 MiB of answer.
/// Errors     kUnavailable when nobody answers there; kNotFound and the rest as the server's error says, in its words.
Result<std::string> api_get(const std::string& server_url, const std::string& path);

}  // namespace longtake::app
