#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "playback/body.h"
#include "server/response.h"
#include "server/router.h"

namespace longtake::server {

/// What stays the same under its ETag, and how long that may be believed.
struct Content {
  std::string content_type;
  std::string etag;  // empty: it changes, nothing is to be kept
  std::string_view cache_control;
  std::shared_ptr<playback::Body> body;
};

inline constexpr std::string_view kImmutable = "private, max-age=31536000, immutable";

/// The whole of it, the one range that was asked for (206), "you have it" (304) or "there is no such range" (416).
///
/// Source     RFC 9110 §13.1.2 If-None-Match, §13.1.5 If-Range, §14.2 Range.
Response content_response(const Call& call, Content content);

}  // namespace longtake::server
