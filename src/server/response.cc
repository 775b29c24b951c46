#include "server/response.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace longtake::server {
namespace {

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Answer";
  }
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace

Response error_response(int status, std::string_view code, std::string_view message,
                        const std::vector<std::string>& details) {
  const nlohmann::json body = {
      {"error", {{"code", code}, {"message", message}, {"details", details}}}};
  Response response;
  response.status = status;
  // Nothing that is answered with 503 lasts for long, or a person is at it; a client may ask again soon.
  if (status == 503) response.headers.emplace_back("Retry-After", "2");
  // Bytes that are no UTF-8 may come from a client's address; they are replaced, not thrown about.
  response.text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

Response error_response(const Error& error) {
  return error_response(status_of(error.code()), to_string(error.code()), error.message());
}

Response unknown_recording(std::string_view name) {
  return error_response(
      404, "not_found",
      fmt::format("there is no recording \"{}\"; GET /api/v1/recordings lists them", name));
}

std::string head_of(const Response& response, bool is_keep_alive, WallTime now) {
  const std::tm utc = fmt::gmtime(std::chrono::system_clock::to_time_t(now));
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\nConnection: {}\r\n", response.status,
      phrase_of(response.status), utc, is_keep_alive ? "keep-alive" : "close");
  if (response.status != 304) {
    head += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", response.content_type,
                        response.body_bytes());
  }
  bool has_cache_control = false;
  for (const auto& [name, value] : response.headers) {
    head += fmt::format("{}: {}\r\n", name, value);
    has_cache_control = has_cache_control || name == "Cache-Control";
  }
  if (!has_cache_control) head += "Cache-Control: no-store\r\n";
  head +=
      "X-Content-Type-Options: nosniff\r\n"
      "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
      "Cross-Origin-Resource-Policy: same-origin\r\n"
      "Referrer-Policy: no-referrer\r\n\r\n";
  return head;
}

}  // namespace longtake::server
