#include "rtsp/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

constexpr std::uint16_t kDefaultPort = 554;
constexpr std::size_t kMaxUrlBytes = 4096;
constexpr std::array<std::string_view, 6> kSecretNames = {"password", "passwd", "pass",
                                                          "pwd",      "token",  "secret"};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A '%' that no two hex digits follow stays as it is: people paste raw passwords.
std::string percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

Result<base::HostPort> parse_host_port(std::string_view text) {
  base::HostPort out{.host = {}, .port = kDefaultPort};
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument, "camera URL: '[' of an IPv6 address without ']'");
    }
    out.host = text.substr(1, end - 1);
    const bool is_address = std::ranges::all_of(
        out.host, [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
    if (out.host.empty() || !is_address) {
      return fail(ErrorCode::kInvalidArgument, "camera URL: no IPv6 address between '[' and ']'");
    }
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return fail(ErrorCode::kInvalidArgument, "camera URL: only ':port' may follow ']'");
    }
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
    if (out.host.empty() || !std::ranges::all_of(out.host, is_host_character)) {
      return fail(ErrorCode::kInvalidArgument,
                  "camera URL: no readable host name; expected "
                  "rtsp://[user:password@]host[:port]/path, with special "
                  "characters of user name and password percent-encoded");
    }
  }
  if (port.size() > 1) {
    const auto number = parse_number(port.substr(1));
    if (!number || *number == 0 || *number > 65'535) {
      return fail(ErrorCode::kInvalidArgument,
                  "camera URL: the port must be 1 to 65535; special characters of user name and "
                  "password must be "
                  "percent-encoded ('/' is %2F)");
    }
    out.port = static_cast<std::uint16_t>(*number);
  }
  return out;
}

Result<std::string_view> after_scheme(std::string_view text) {
  constexpr std::string_view kScheme = "rtsp://";
  if (starts_with_ignoring_case(text, kScheme)) return text.substr(kScheme.size());
  if (starts_with_ignoring_case(text, "rtsps://")) {
    return fail(ErrorCode::kInvalidArgument, "camera URL: rtsps is not supported yet; use rtsp://");
  }
  return fail(ErrorCode::kInvalidArgument, "camera URL: must begin with rtsp://");
}

}  // namespace

std::string Url::origin() const {
  const bool is_ipv6 = host_port_.host.find(':') != std::string::npos;
  std::string out =
      is_ipv6 ? fmt::format("rtsp://[{}]", host_port_.host) : "rtsp://" + host_port_.host;
  if (host_port_.port != kDefaultPort) out += fmt::format(":{}", host_port_.port);
  return out;
}

std::string Url::display() const {
  std::string out = origin();
  std::string_view rest = path_;
  // Some cameras carry the login as "/user=admin&password=secret&channel=1".
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/?&;", 1), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end);
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, std::min(equals, part.size()));
    const bool is_secret =
        equals != std::string_view::npos && std::ranges::any_of(kSecretNames, [&](auto secret) {
          return name.size() >= secret.size() &&
                 equals_ignoring_case(name.substr(name.size() - secret.size()), secret);
        });
    out += is_secret ? std::string(part.substr(0, equals + 1)) + "***" : std::string(part);
  }
  return out;
}

Result<CameraUrl> parse_camera_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("camera URL: longer than {} bytes", kMaxUrlBytes));
  }
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; })) {
    return fail(
        ErrorCode::kInvalidArgument,
        "camera URL: holds a blank, a control character or one outside ASCII; percent-encode it");
  }
  LT_ASSIGN(std::string_view rest, after_scheme(text));
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path_at = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path_at);
  CameraUrl out;
  out.url.path_ = rest.substr(path_at);
  if (out.url.path_.starts_with('?')) out.url.path_.insert(0, "/");
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    const auto [user, password] = split_once(authority.substr(0, at), ':');
    out.username = percent_decoded(user);
    out.password = base::Secret(percent_decoded(password));
    authority.remove_prefix(at + 1);
  }
  // "rtsp://user:12/34@host/" would put half a password into the path, which is shown.
  if (out.url.path_.find('@') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                "camera URL: an '@' behind the first '/'; percent-encode it (%40), and a '/' of a "
                "password (%2F)");
  }
  LT_ASSIGN(out.url.host_port_, parse_host_port(authority));
  return out;
}

std::string resolve_control(std::string_view base, std::string_view control) {
  if (control.empty() || control == "*") return std::string(base);
  if (starts_with_ignoring_case(control, "rtsp://") ||
      starts_with_ignoring_case(control, "rtspu://")) {
    return without_user_info(control);
  }
  std::string out(base);
  const bool has_slash = out.ends_with('/');
  if (control.starts_with('/') && has_slash) out.pop_back();
  if (!control.starts_with('/') && !control.starts_with('?') && !has_slash) out += '/';
  return out += control;
}

std::string without_user_info(std::string_view uri) {
  const std::size_t scheme_end = uri.find("://");
  if (scheme_end == std::string_view::npos) return std::string(uri);
  const std::size_t authority = scheme_end + 3;
  const std::size_t path = std::min(uri.find('/', authority), uri.size());
  const std::size_t at = uri.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(uri);
  return std::string(uri.substr(0, authority)) + std::string(uri.substr(at + 1));
}

}  // namespace longtake::rtsp
