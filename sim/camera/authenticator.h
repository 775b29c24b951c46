#pragma once

#include <cstdint>
#include <string>

#include "sim/camera/rtsp_request.h"

namespace longtake::camsim {

enum class AuthScheme : std::uint8_t { kNone, kBasic, kDigest, kDigestQop };

struct Credentials {
  AuthScheme scheme = AuthScheme::kNone;
  std::string user;
  std::string password;
};

/// The server's side of HTTP authentication as cameras do it: Basic, and Digest with MD5, with and
/// without qop.
///
/// Source     RFC 7617; RFC 7616 §3; RFC 2069 for the form without qop.
class Authenticator {
 public:
  explicit Authenticator(std::uint64_t seed) : seed_(seed) { renew_nonce(); }

  void require(Credentials credentials) { credentials_ = std::move(credentials); }
  /// Makes the nonce in use stale: a right answer to it is refused once more, with stale=true.
  void renew_nonce();

  enum class Verdict : std::uint8_t { kAccepted, kNoCredentials, kStale, kWrong };
  [[nodiscard]] Verdict judge(const RtspRequest& request) const;
  /// The WWW-Authenticate header's value for a 401.
  [[nodiscard]] std::string challenge(Verdict verdict) const;

 private:
  [[nodiscard]] Verdict judge_digest(const RtspRequest& request, std::string_view parameters) const;

  Credentials credentials_;
  std::uint64_t seed_;
  std::uint64_t generation_ = 0;
  std::string nonce_;
};

}  // namespace longtake::camsim
