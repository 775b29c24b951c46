#include "sim/camera/rtsp_request.h"

#include <algorithm>
#include <charconv>

namespace longtake::camsim {
namespace {

constexpr std::size_t kMaxRequestBytes = 65536;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view take_until(std::string_view& text, std::string_view mark) {
  const auto at = text.find(mark);
  const auto taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + mark.size());
  return taken;
}

// "rtsp://host:port/front/track1?x" -> "front/track1"
std::string_view path_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
    const auto slash = url.find('/');
    url = slash == std::string_view::npos ? std::string_view{} : url.substr(slash);
  }
  url = url.substr(0, url.find('?'));
  while (url.starts_with('/')) url.remove_prefix(1);
  return url == "*" ? std::string_view{} : url;
}

RtspRequest parse_head(std::string_view head) {
  RtspRequest request;
  std::string_view line = take_until(head, "\r\n");
  request.method = take_until(line, " ");
  request.url = take_until(line, " ");
  request.version = line;
  while (!head.empty()) {
    std::string_view value = take_until(head, "\r\n");
    const std::string_view name = take_until(value, ":");
    request.headers.insert_or_assign(lower(name), std::string(trim(value)));
  }
  return request;
}

}  // namespace

std::string_view RtspRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view{} : found->second;
}

std::string_view RtspRequest::path_name() const {
  const std::string_view path = path_of(url);
  return path.substr(0, path.find('/'));
}

std::string_view RtspRequest::track_name() const {
  std::string_view path = path_of(url);
  take_until(path, "/");
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

void RtspRequestReader::append(ByteSpan bytes) {
  if (!is_broken_) buffer_.append(as_text(bytes));
}

bool RtspRequestReader::skip_interleaved() {
  if (buffer_.size() < 4) return false;
  const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(buffer_[2]) << 8U |
                                               static_cast<std::uint8_t>(buffer_[3]));
  if (buffer_.size() < 4 + length) return false;
  buffer_.erase(0, 4 + length);
  return true;
}

std::optional<RtspRequest> RtspRequestReader::next() {
  while (!is_broken_ && !buffer_.empty()) {
    if (buffer_[0] == '$') {
      if (!skip_interleaved()) return std::nullopt;
      continue;
    }
    const auto end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) {
      is_broken_ = buffer_.size() > kMaxRequestBytes;
      return std::nullopt;
    }
    RtspRequest request = parse_head(std::string_view(buffer_).substr(0, end));
    std::size_t body = 0;
    const std::string_view length = request.header("content-length");
    std::from_chars(length.data(), length.data() + length.size(), body);
    if (body > kMaxRequestBytes) {
      is_broken_ = true;
      return std::nullopt;
    }
    if (buffer_.size() < end + 4 + body) return std::nullopt;
    request.body = buffer_.substr(end + 4, body);
    buffer_.erase(0, end + 4 + body);
    return request;
  }
  return std::nullopt;
}

}  // namespace longtake::camsim
