#pragma once

#include <string>

namespace longtake::server {

/// The OpenAPI 3.1 description of every route, as JSON; paths and parameters come from the route table.
const std::string& openapi_text();

}  // namespace longtake::server
