#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace longtake::server {

/// One request's head, checked. Field names are in lower case; a field that came twice is refused.
struct HttpRequest {
  std::string method;  // "GET", "HEAD", ...
  std::vector<std::string>
      path;  // decoded segments: "/api/v1/recordings" is {"api", "v1", "recordings"}
  std::map<std::string, std::string, std::less<>> query;
  std::map<std::string, std::string, std::less<>> fields;
  std::uint64_t body_bytes = 0;  // by Content-Length
  std::string body;              // read for the calls that take one
  std::string client;            // its IP address
  bool is_secure = false;        // over TLS
  bool is_keep_alive = true;

  [[nodiscard]] std::optional<std::string_view> field(std::string_view lower_case_name) const;
};

/// Where a head ends: the offset behind "\r\n\r\n", or nothing while it is incomplete.
std::optional<std::size_t> find_head_end(std::string_view bytes);

/// Reads a whole head (up to and with its empty line). Anything that two readers could understand differently is
/// refused, because a proxy before us might: bare LF, folded lines, space before a colon, control bytes, repeated
/// Content-Length, any Transfer-Encoding, `..` or an encoded slash in the path.
///
/// Limits     limits::kHttpHeaderBytes, limits::kHttpTargetBytes.
/// Errors     kInvalidArgument with a sentence; the connection must be closed after it.
/// Source     RFC 9112, RFC 9110, RFC 3986.
Result<HttpRequest> parse_head(std::string_view head);

/// As part of a query: all but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text);

/// Decodes "/a/b%20c?x=1&y=2" into path and query. kInvalidArgument as above.
Result<void> parse_target(std::string_view target, HttpRequest& into);

}  // namespace longtake::server
