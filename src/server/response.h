#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "playback/body.h"
#include "server/range.h"

namespace longtake::server {

/// An answer: either a text or a part of a body, never both.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string text;
  std::shared_ptr<playback::Body> body;  // with `range`: what is sent of it
  ByteRange range;

  [[nodiscard]] std::uint64_t body_bytes() const { return body ? range.length : text.size(); }
};

/// `{"error":{"code","message","details":[]}}`; with 503 goes a Retry-After.
Response error_response(int status, std::string_view code, std::string_view message,
                        const std::vector<std::string>& details = {});
/// The status that fits an error of ours.
Response error_response(const Error& error);

/// 404: there is no such recording, or the one who asks may not know of it.
Response unknown_recording(std::string_view name);

/// The head as it goes out, with the headers every answer has.
std::string head_of(const Response& response, bool is_keep_alive, WallTime now);

}  // namespace longtake::server
