#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace longtake::rtsp {

/// One RTSP message: the answer to a request of ours, or a request of the camera's.
struct Message {
  bool is_request = false;
  std::string method;                                        // of a request: "OPTIONS"
  std::string uri;                                           // of a request
  std::uint32_t status = 0;                                  // of an answer: 200
  std::string phrase;                                        // of an answer: "OK"
  std::vector<std::pair<std::string, std::string>> headers;  // in order, values trimmed
  std::string body;

  /// The first header of this name, whatever its case; empty without one.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// Every header of this name, in order.
  [[nodiscard]] std::vector<std::string_view> all_headers(std::string_view name) const;
};

/// Whether these bytes begin a message. An RTSP connection carries messages, interleaved frames
/// and, from some cameras, junk between them.
enum class StartsMessage : std::uint8_t { kNo, kYes, kNeedMore };
StartsMessage starts_message(ByteSpan bytes);

/// Parses messages as their bytes come, in pieces of any size.
///
/// Tolerates  bare LF, blank lines before a message, folded headers, a version other than 1.0.
/// Limits     limits::kRtspLineBytes, kRtspHeaderBytes, kRtspHeaderCount, kRtspBodyBytes; memory
///            grows with what came, never with what a header promises.
/// Errors     kInvalidArgument: no RTSP (an HTTP answer says so); kResourceExhausted: a limit. The
///            parser is of no use afterwards.
/// Source     RFC 2326 §4, §6, §7; FAULTS CAM-03, CAM-04.
class MessageParser {
 public:
  /// Takes bytes of one message and returns how many; stops behind the message's end, which
  /// `is_complete` tells.
  Result<std::size_t> consume(ByteSpan bytes);
  [[nodiscard]] bool is_complete() const { return state_ == State::kComplete; }
  /// Something of a message has come, but not all.
  [[nodiscard]] bool is_inside() const { return state_ != State::kComplete && header_bytes_ > 0; }
  /// The message; the parser is ready for the next.
  Message take();

 private:
  enum class State : std::uint8_t { kStartLine, kHeaders, kBody, kComplete };

  Result<void> on_line();
  Result<void> on_start_line(std::string_view line);
  Result<void> on_header(std::string_view line);
  Result<void> on_headers_end();

  State state_ = State::kStartLine;
  std::string line_;  // of the line being read
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;  // promised by Content-Length
  Message message_;
};

}  // namespace longtake::rtsp
