#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "media/grant.h"
#include "server/authority.h"
#include "server/http_request.h"
#include "server/response.h"

namespace longtake::server {

class Api;

/// A request on its way to a handler, with the path's variables by name.
struct Call {
  const HttpRequest& request;
  std::map<std::string, std::string, std::less<>> variables;
  std::optional<media::ReadGrant> grant;  // for the recording {name}, where the route opens one
};

struct QueryParameter {
  std::string_view name;
  std::string_view description;
};

/// One call of the HTTP surface, as data: the router, the OpenAPI description and the tests read the same table.
struct Route {
  std::string_view path;  // "/api/v1/recordings/{name}"; "{id}.mp4" takes a suffix
  std::string_view operation;
  std::string_view summary;
  std::string_view
      schema;  // name of the answer's schema in the description; "" for a body that is no JSON
  std::string_view content_type;
  std::span<const QueryParameter> query;
  Access access;
  Response (Api::*handler)(const Call& call) const;
};

/// Every route. All of them are read: GET and HEAD.
std::span<const Route> routes();

/// Finds the route, checks who asks, and calls it: 404 for an unknown path, 405 for another method, 400 for an unknown query parameter.
Response dispatch(const Api& api, const Authority& authority, const HttpRequest& request);

/// Checks Host and Origin: a page of another site must not reach a recorder through somebody's browser, not even
/// by a name that resolves to loopback. Nothing when all is well.
std::optional<Response> refuse_foreign(const HttpRequest& request);

/// The path's segments of a route, for matching and for tests.
std::vector<std::string> split_path(std::string_view path);

}  // namespace longtake::server
