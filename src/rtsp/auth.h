#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/secret.h"

namespace longtake::rtsp {

enum class AuthScheme : std::uint8_t { kBasic, kDigest };

/// What one WWW-Authenticate header asks for.
struct Challenge {
  AuthScheme scheme = AuthScheme::kBasic;
  std::string realm;
  std::string nonce;
  std::string opaque;
  bool has_opaque = false;
  bool has_qop_auth = false;  // the server offers qop=auth
  bool is_stale = false;      // the nonce was too old; user name and password were not judged

  friend bool operator==(const Challenge&, const Challenge&) = default;
};

/// Nothing for a scheme or algorithm we do not speak (only MD5 here), or a digest without a nonce.
/// Source     RFC 2617 §3.2.1, RFC 7616 §3.3.
std::optional<Challenge> parse_challenge(std::string_view www_authenticate);

/// The strongest of several: Digest before Basic.
std::optional<Challenge> choose_challenge(const std::vector<std::string_view>& www_authenticate);

/// Answers one server's challenges with one user name and password.
///
/// Ownership  keeps the secret; what it returns holds it only as Basic's base64 or Digest's hash.
/// Thread     confined to its owner's thread.
/// Source     RFC 7617; RFC 2617 §3.2.2 with MD5, with and without qop=auth.
class Authenticator {
 public:
  Authenticator(std::string username, base::Secret password, base::Random& random);

  [[nodiscard]] bool has_credentials() const { return !username_.empty(); }
  [[nodiscard]] bool has_challenge() const { return challenge_.has_value(); }
  [[nodiscard]] const std::optional<Challenge>& challenge() const { return challenge_; }
  /// From now on requests answer this challenge; the nonce count starts over when the nonce is new.
  void set_challenge(Challenge challenge);
  /// The value of the Authorization header; empty without a challenge or credentials.
  std::string authorization(std::string_view method, std::string_view uri);

 private:
  std::string username_;
  base::Secret password_;
  base::Random& random_;
  std::optional<Challenge> challenge_;
  std::uint32_t nonce_count_ = 0;
};

}  // namespace longtake::rtsp
