#include "rtsp/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

// Beginnings of the lines that may follow an interleaved frame: an answer, an HTTP server's, or a
// server's request.
constexpr std::array<std::string_view, 12> kStarts = {
    "RTSP/",     "HTTP/",     "OPTIONS ",  "ANNOUNCE ", "GET_PARAMETER ", "SET_PARAMETER ",
    "REDIRECT ", "TEARDOWN ", "DESCRIBE ", "PLAY ",     "PAUSE ",         "PLAY_NOTIFY "};

Error too_much(std::string_view what, std::size_t limit) {
  return {ErrorCode::kResourceExhausted,
          fmt::format("RTSP message: {} beyond the limit of {}", what, limit)};
}

}  // namespace

StartsMessage starts_message(ByteSpan bytes) {
  const std::string_view text = as_text(bytes);
  auto answer = StartsMessage::kNo;
  for (const std::string_view start : kStarts) {
    const std::size_t common = std::min(text.size(), start.size());
    if (text.substr(0, common) != start.substr(0, common)) continue;
    if (common == start.size()) return StartsMessage::kYes;
    answer = StartsMessage::kNeedMore;
  }
  return answer;
}

std::string_view Message::header(std::string_view name) const {
  const auto at = std::ranges::find_if(
      headers, [name](const auto& one) { return equals_ignoring_case(one.first, name); });
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

std::vector<std::string_view> Message::all_headers(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : headers) {
    if (equals_ignoring_case(key, name)) out.emplace_back(value);
  }
  return out;
}

Result<std::size_t> MessageParser::consume(ByteSpan bytes) {
  const std::string_view text = as_text(bytes);
  std::size_t position = 0;
  while (position < text.size() && state_ != State::kComplete) {
    if (state_ == State::kBody) {
      const std::size_t count =
          std::min(body_bytes_ - message_.body.size(), text.size() - position);
      message_.body.append(text.substr(position, count));
      position += count;
      if (message_.body.size() == body_bytes_) state_ = State::kComplete;
      continue;
    }
    const std::size_t end = text.find('\n', position);
    const bool has_line = end != std::string_view::npos;
    const std::size_t next = has_line ? end + 1 : text.size();
    const std::size_t taken = next - position;
    line_.append(text.substr(position, std::min(taken, limits::kRtspLineBytes + 3)));
    header_bytes_ += taken;
    position = next;
    if (has_line) {
      line_.pop_back();
      if (line_.ends_with('\r')) line_.pop_back();
    }
    if (line_.size() > limits::kRtspLineBytes + (has_line ? 0U : 1U)) {
      return std::unexpected(too_much("a line", limits::kRtspLineBytes));
    }
    if (header_bytes_ > limits::kRtspHeaderBytes) {
      return std::unexpected(too_much("header bytes", limits::kRtspHeaderBytes));
    }
    if (has_line) {
      LT_TRY(on_line());
      line_.clear();
    }
  }
  return position;
}

Message MessageParser::take() {
  Message out = std::move(message_);
  *this = MessageParser();
  return out;
}

Result<void> MessageParser::on_line() {
  if (state_ == State::kStartLine) {
    if (line_.empty()) {
      header_bytes_ = 0;
      return {};
    }
    LT_TRY(on_start_line(line_));
    state_ = State::kHeaders;
    return {};
  }
  if (line_.empty()) return on_headers_end();
  return on_header(line_);
}

Result<void> MessageParser::on_start_line(std::string_view line) {
  if (starts_with_ignoring_case(line, "HTTP/")) {
    return fail(
        ErrorCode::kInvalidArgument,
        "an HTTP server answered, not an RTSP server; check the port (RTSP is usually on 554)");
  }
  std::string_view rest = line;
  const std::string_view first = take_until(rest, ' ');
  if (starts_with_ignoring_case(first, "RTSP/")) {
    rest = trimmed(rest);
    const auto status = parse_number(take_until(rest, ' '));
    if (!status || *status < 100 || *status > 999) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("no RTSP status line: \"{}\"", printable(line)));
    }
    message_.status = *status;
    message_.phrase = trimmed(rest);
    return {};
  }
  message_.is_request = true;
  message_.method = first;
  message_.uri = take_until(rest, ' ');
  if (first.empty() || message_.uri.empty() || !starts_with_ignoring_case(rest, "RTSP/")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("no RTSP message: \"{}\"", printable(line)));
  }
  return {};
}

Result<void> MessageParser::on_header(std::string_view line) {
  if ((line.front() == ' ' || line.front() == '\t') && !message_.headers.empty()) {
    message_.headers.back().second.append(" ").append(trimmed(line));
    return {};
  }
  if (message_.headers.size() >= limits::kRtspHeaderCount) {
    return std::unexpected(too_much("headers", limits::kRtspHeaderCount));
  }
  const auto [name, value] = split_once(line, ':');
  message_.headers.emplace_back(trimmed(name), trimmed(value));
  return {};
}

Result<void> MessageParser::on_headers_end() {
  const std::string_view length = message_.header("Content-Length");
  if (!length.empty()) {
    const auto bytes = parse_number(length);
    if (!bytes) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("Content-Length \"{}\" is no number", printable(length)));
    }
    if (*bytes > limits::kRtspBodyBytes)
      return std::unexpected(too_much("a body", limits::kRtspBodyBytes));
    body_bytes_ = *bytes;
  }
  state_ = body_bytes_ == 0 ? State::kComplete : State::kBody;
  return {};
}

}  // namespace longtake::rtsp
