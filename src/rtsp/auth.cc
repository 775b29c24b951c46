#include "rtsp/auth.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

struct Parameter {
  std::string_view name;
  std::string value;  // unquoted
};

/// Takes one `name=value` or `name="value"` off the front; nothing at the end or where no parameter
/// can be read.
std::optional<Parameter> take_parameter(std::string_view& rest) {
  const std::size_t start = rest.find_first_not_of(" \t,");
  if (start == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(start);
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Parameter out{trimmed(rest.substr(0, equals)), {}};
  rest.remove_prefix(equals + 1);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (!rest.starts_with('"')) {
    out.value = trimmed(take_until(rest, ','));
    return out;
  }
  std::size_t i = 1;
  for (; i < rest.size() && rest[i] != '"'; ++i) {
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    out.value += rest[i];
  }
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return out;
}

/// qop-options is a list: "auth,auth-int".
bool offers_auth(std::string_view qop) {
  while (!qop.empty()) {
    if (equals_ignoring_case(trimmed(take_until(qop, ',')), "auth")) return true;
  }
  return false;
}

/// A value of ours inside quotes. Header injection is ruled out where user names are read from
/// configuration; this only keeps the quoting right.
std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c != '\r' && c != '\n') out += c;
  }
  return out += '"';
}

}  // namespace

std::optional<Challenge> parse_challenge(std::string_view header) {
  std::string_view rest = trimmed(header);
  const std::string_view scheme = take_until(rest, ' ');
  Challenge out;
  if (equals_ignoring_case(scheme, "Digest")) {
    out.scheme = AuthScheme::kDigest;
  } else if (!equals_ignoring_case(scheme, "Basic")) {
    return std::nullopt;
  }
  bool is_md5 = true;
  while (const auto parameter = take_parameter(rest)) {
    const auto& [name, value] = *parameter;
    if (equals_ignoring_case(name, "realm")) out.realm = value;
    if (equals_ignoring_case(name, "nonce")) out.nonce = value;
    if (equals_ignoring_case(name, "stale")) out.is_stale = equals_ignoring_case(value, "true");
    if (equals_ignoring_case(name, "qop")) out.has_qop_auth = offers_auth(value);
    if (equals_ignoring_case(name, "algorithm")) is_md5 = equals_ignoring_case(value, "MD5");
    if (equals_ignoring_case(name, "opaque")) {
      out.opaque = value;
      out.has_opaque = true;
    }
  }
  if (out.scheme == AuthScheme::kDigest && (out.nonce.empty() || !is_md5)) return std::nullopt;
  return out;
}

std::optional<Challenge> choose_challenge(const std::vector<std::string_view>& headers) {
  std::optional<Challenge> best;
  for (const std::string_view header : headers) {
    auto challenge = parse_challenge(header);
    if (challenge && (!best || (best->scheme == AuthScheme::kBasic &&
                                challenge->scheme == AuthScheme::kDigest))) {
      best = std::move(challenge);
    }
  }
  return best;
}

Authenticator::Authenticator(std::string username, base::Secret password, base::Random& random)
    : username_(std::move(username)), password_(std::move(password)), random_(random) {}

void Authenticator::set_challenge(Challenge challenge) {
  if (!challenge_ || challenge_->nonce != challenge.nonce) nonce_count_ = 0;
  challenge_ = std::move(challenge);
}

std::string Authenticator::authorization(std::string_view method, std::string_view uri) {
  if (!challenge_ || !has_credentials()) return {};
  if (challenge_->scheme == AuthScheme::kBasic) {
    return "Basic " +
           base::to_base64(as_bytes(fmt::format("{}:{}", username_, password_.reveal())));
  }
  const std::string ha1 =
      base::md5_hex(fmt::format("{}:{}:{}", username_, challenge_->realm, password_.reveal()));
  const std::string ha2 = base::md5_hex(fmt::format("{}:{}", method, uri));
  std::string out = fmt::format("Digest username={}, realm={}, nonce={}, uri={}", quoted(username_),
                                quoted(challenge_->realm), quoted(challenge_->nonce), quoted(uri));
  if (challenge_->has_qop_auth) {
    const std::string count = fmt::format("{:08x}", ++nonce_count_);
    const std::string cnonce = random_.hex(16);
    const std::string response = base::md5_hex(
        fmt::format("{}:{}:{}:{}:auth:{}", ha1, challenge_->nonce, count, cnonce, ha2));
    out +=
        fmt::format(", response=\"{}\", qop=auth, nc={}, cnonce=\"{}\"", response, count, cnonce);
  } else {
    out += fmt::format(", response=\"{}\"",
                       base::md5_hex(fmt::format("{}:{}:{}", ha1, challenge_->nonce, ha2)));
  }
  if (challenge_->has_opaque) out += ", opaque=" + quoted(challenge_->opaque);
  return out;
}

}  // namespace longtake::rtsp
