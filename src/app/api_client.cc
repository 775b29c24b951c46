#include "app/api_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace longtake::app {
namespace {

constexpr std::size_t kAnswerBytes = 64 * 1024 * 1024;

struct EasyCleanup {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  auto& answer = *static_cast<std::string*>(into);
  if (answer.size() + size * count > kAnswerBytes)
    return 0;  // curl takes this as a failed write and stops
  answer.append(data, size * count);
  return size * count;
}

/// The server's own words for what went wrong, or the bare status where the answer is not ours.
Error error_of(long status, const std::string& answer) {
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  std::string message = fmt::format("the server answered {}", status);
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    message = json["error"].value("message", message);
  }
  return {status == 404 ? ErrorCode::kNotFound : ErrorCode::kUnavailable, message};
}

}  // namespace

Result<std::string> api_get(const std::string& server_url, const std::string& path) {
  const std::unique_ptr<CURL, EasyCleanup> handle(curl_easy_init());
  if (!handle) return fail(ErrorCode::kInternal, "libcurl cannot start");
  std::string base = server_url;
  while (base.ends_with('/')) base.pop_back();
  const std::string url = base + path;
  std::string answer;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    return fail(
        ErrorCode::kUnavailable,
        fmt::format(
            "no longtake answers at {}: {}; is it running there? (--url names another place)", base,
            curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return std::unexpected(error_of(status, answer));
  return answer;
}

}  // namespace longtake::app
