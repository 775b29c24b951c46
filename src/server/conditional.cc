#include "server/conditional.h"

#include <fmt/format.h>

#include <utility>

#include "server/range.h"

namespace longtake::server {
namespace {

/// Whether If-None-Match names the tag: "*", or a list that holds it, weakly or not (RFC 9110 §13.1.2).
bool names_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

}  // namespace

Response content_response(const Call& call, Content content) {
  const std::uint64_t size_bytes = content.body->size_bytes();
  Response response;
  response.content_type = std::move(content.content_type);
  response.headers.emplace_back("Accept-Ranges", "bytes");
  if (!content.etag.empty()) {
    response.headers.emplace_back("ETag", content.etag);
    response.headers.emplace_back("Cache-Control", content.cache_control);
    const auto known = call.request.field("if-none-match");
    if (known && names_tag(*known, content.etag)) {
      response.status = 304;
      return response;
    }
  }
  RangeAnswer answer;
  const auto if_range = call.request.field("if-range");
  const auto header = call.request.field("range");
  if (header && (!if_range || *if_range == content.etag)) answer = judge_range(*header, size_bytes);
  if (answer.is_unsatisfiable) {
    Response refusal =
        error_response(416, "invalid_argument", fmt::format("the file has {} bytes", size_bytes));
    refusal.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size_bytes));
    return refusal;
  }
  response.range = answer.range.value_or(ByteRange{0, size_bytes});
  if (answer.range) {
    response.status = 206;
    response.headers.emplace_back(
        "Content-Range", fmt::format("bytes {}-{}/{}", answer.range->first,
                                     answer.range->first + answer.range->length - 1, size_bytes));
  }
  response.body = std::move(content.body);
  return response;
}

}  // namespace longtake::server
