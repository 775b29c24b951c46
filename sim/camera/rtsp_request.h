#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace longtake::camsim {

/// One request of a client. Header names are lower case.
struct RtspRequest {
  std::string method;
  std::string url;
  std::string version;  // "RTSP/1.0"; an HTTP client says otherwise
  std::map<std::string, std::string, std::less<>> headers;
  std::string body;

  /// The header's value, or "" when it is absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// First segment of the URL's path: the camera. "" for `*` and for a bare host.
  [[nodiscard]] std::string_view path_name() const;
  /// What follows the camera in the URL, without slashes or query: the track.
  [[nodiscard]] std::string_view track_name() const;
};

/// Takes a client's byte stream apart: requests, and interleaved frames, which are skipped
/// (receiver reports).
///
/// Limits     64 KiB for a request; more makes the reader broken for good.
/// Source     RFC 2326 §6, §10.12.
class RtspRequestReader {
 public:
  void append(ByteSpan bytes);
  /// The next whole request; nothing while it is incomplete or once the stream is broken.
  std::optional<RtspRequest> next();
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  bool skip_interleaved();

  std::string buffer_;
  bool is_broken_ = false;
};

}  // namespace longtake::camsim
