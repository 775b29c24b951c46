#include "server/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cctype>
#include <charconv>

#include "base/limits.h"

namespace longtake::server {
namespace {

namespace http = boost::beast::http;

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.contains(c);
  });
}

bool is_visible(char c) {
  return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
}

/// One "name: value" line: what Beast would forgive is refused here.
Result<void> check_field_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return bad("a header line is no \"name: value\"");
  }
  const bool is_clean = std::ranges::all_of(line.substr(colon + 1), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!is_clean) return bad("a header value holds a control byte");
  return {};
}

/// Lines end in CRLF and nothing else; none is folded; the request line has three parts.
Result<void> check_lines(std::string_view head) {
  bool is_first = true;
  while (true) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return bad("the head does not end");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of("\r\n") != std::string_view::npos)
      return bad("a line ends in a bare CR or LF");
    if (line.empty()) break;
    if (is_first) {
      if (std::ranges::count(line, ' ') != 2)
        return bad("the request line is no \"METHOD target HTTP/1.1\"");
      is_first = false;
    } else {
      LT_TRY(check_field_line(line));
    }
  }
  if (is_first) return bad("an empty request");
  if (!head.empty()) return bad("bytes follow the head");
  return {};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent decoding; refuses what could change the meaning of a path or hide a byte.
Result<std::string> decode(std::string_view text, bool is_query) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return bad("a % in the address is not followed by two hex digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f || (!is_query && (c == '/' || c == '\\'))) {
        return bad("the address hides a byte that may not stand there");
      }
    } else if (!is_visible(c)) {
      return bad("the address holds a byte that must be encoded");
    } else if (is_query && c == '+') {
      c = ' ';
    }
    out.push_back(c);
  }
  return out;
}

Result<void> parse_query(std::string_view query, HttpRequest& into) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    LT_ASSIGN(std::string name, decode(pair.substr(0, equals), true));
    LT_ASSIGN(std::string value,
              decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true));
    if (!into.query.emplace(std::move(name), std::move(value)).second)
      return bad("a query parameter stands twice");
  }
  return {};
}

Result<void> take_fields(const http::request_parser<http::empty_body>& parser, HttpRequest& into) {
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    if (name == "transfer-encoding")
      return bad("Transfer-Encoding is not taken here; no call needs it");
    if (!into.fields.emplace(std::move(name), std::string(field.value())).second) {
      return bad(fmt::format("the header {} stands twice", std::string_view(field.name_string())));
    }
  }
  return {};
}

Result<void> take_length(HttpRequest& into) {
  const auto length = into.field("content-length");
  if (!length) return {};
  const bool is_number = !length->empty() && length->size() <= 18 &&
                         std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return bad("Content-Length is no number");
  std::from_chars(length->data(), length->data() + length->size(), into.body_bytes);
  return {};
}

}  // namespace

std::optional<std::string_view> HttpRequest::field(std::string_view lower_case_name) const {
  const auto found = fields.find(lower_case_name);
  if (found == fields.end()) return std::nullopt;
  return found->second;
}

std::optional<std::size_t> find_head_end(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return end + 4;
}

Result<void> parse_target(std::string_view target, HttpRequest& into) {
  if (target.size() > limits::kHttpTargetBytes) return bad("the address is longer than 4 KiB");
  if (!target.starts_with('/')) return bad("the address does not begin with /");
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  while (true) {
    const std::string_view part = path.substr(0, path.find('/'));
    LT_ASSIGN(std::string segment, decode(part, false));
    if (segment == "." || segment == "..") return bad("the address holds a . or .. part");
    into.path.push_back(std::move(segment));
    if (part.size() == path.size()) break;
    path.remove_prefix(part.size() + 1);
  }
  if (mark != std::string_view::npos) return parse_query(target.substr(mark + 1), into);
  return {};
}

Result<HttpRequest> parse_head(std::string_view head) {
  if (head.size() > limits::kHttpHeaderBytes) return bad("the head is larger than 16 KiB");
  LT_TRY(check_lines(head));
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits::kHttpHeaderBytes));
  parser.body_limit(boost::none);
  parser.skip(true);
  boost::system::error_code error;
  const std::size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || used != head.size() || !parser.is_header_done())
    return bad("the head is not HTTP/1.1");
  HttpRequest request;
  request.method = std::string(parser.get().method_string());
  if (parser.get().version() != 11 && parser.get().version() != 10)
    return bad("only HTTP/1.1 is spoken here");
  LT_TRY(take_fields(parser, request));
  LT_TRY(take_length(request));
  if (parser.get().version() == 11 && !request.field("host"))
    return bad("the Host header is missing");
  request.is_keep_alive = parser.get().keep_alive();
  LT_TRY(parse_target(std::string_view(parser.get().target()), request));
  return request;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-._~").contains(c);
    if (is_plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace longtake::server
