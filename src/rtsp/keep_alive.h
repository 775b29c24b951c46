#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace longtake::rtsp {

/// Keeps a session from expiring, by what the camera accepts: GET_PARAMETER, and OPTIONS where that
/// is refused or never answered. Sent at half the session's timeout.
///
/// Source     RFC 2326 §12.37, §10.8; FAULTS CAM-26.
class KeepAlive {
 public:
  static constexpr seconds kDefaultTimeout{60};  // RFC 2326 §12.37
  static constexpr seconds kLeastTimeout{2};

  void set_timeout(seconds timeout) {
    timeout_ = timeout < kLeastTimeout ? kLeastTimeout : timeout;
  }
  /// The Public header of OPTIONS; where it does not name GET_PARAMETER, OPTIONS is used from the
  /// start.
  void set_public_methods(std::string_view methods) {
    if (!methods.empty())
      uses_get_parameter_ = methods.find("GET_PARAMETER") != std::string_view::npos;
  }
  void start(MonotonicTime now) { due_ = now + interval(); }

  [[nodiscard]] bool is_due(MonotonicTime now) const { return now >= due_; }
  [[nodiscard]] nanoseconds interval() const { return nanoseconds(timeout_) / 2; }
  [[nodiscard]] std::string_view method() const {
    return uses_get_parameter_ ? "GET_PARAMETER" : "OPTIONS";
  }

  /// One was sent. If the one before is still unanswered, the other method is tried next.
  void on_sent(MonotonicTime now) {
    if (is_unanswered_) uses_get_parameter_ = false;
    is_unanswered_ = true;
    due_ = now + interval();
  }
  void on_answer(std::uint32_t status, MonotonicTime now) {
    is_unanswered_ = false;
    if (status >= 400 && uses_get_parameter_) {
      uses_get_parameter_ = false;
      due_ = now;  // the refused one may not have counted
    }
  }

 private:
  seconds timeout_ = kDefaultTimeout;
  MonotonicTime due_{};
  bool uses_get_parameter_ = true;
  bool is_unanswered_ = false;
};

}  // namespace longtake::rtsp
