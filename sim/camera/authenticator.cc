#include "sim/camera/authenticator.h"

#include <fmt/format.h>

#include <map>

#include "base/digest.h"

namespace longtake::camsim {
namespace {

constexpr std::string_view kRealm = "longtake-camsim";

// `a="b", c=d` -> {a: b, c: d}; a comma inside quotes belongs to the value.
std::map<std::string, std::string, std::less<>> parse_parameters(std::string_view text) {
  std::map<std::string, std::string, std::less<>> parameters;
  while (!text.empty()) {
    while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    const bool is_quoted = text.starts_with('"');
    if (is_quoted) text.remove_prefix(1);
    const auto end = text.find(is_quoted ? '"' : ',');
    parameters[name] = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parameters;
}

}  // namespace

void Authenticator::renew_nonce() {
  nonce_ = base::md5_hex(fmt::format("{}:{}", seed_, generation_++));
}

Authenticator::Verdict Authenticator::judge(const RtspRequest& request) const {
  if (credentials_.scheme == AuthScheme::kNone) return Verdict::kAccepted;
  const std::string_view answer = request.header("authorization");
  if (answer.empty()) return Verdict::kNoCredentials;
  if (credentials_.scheme == AuthScheme::kBasic) {
    const std::string expected =
        "Basic " + base::to_base64(as_bytes(credentials_.user + ":" + credentials_.password));
    return answer == expected ? Verdict::kAccepted : Verdict::kWrong;
  }
  if (!answer.starts_with("Digest ")) return Verdict::kWrong;
  return judge_digest(request, answer.substr(7));
}

Authenticator::Verdict Authenticator::judge_digest(const RtspRequest& request,
                                                   std::string_view parameters) const {
  auto answer = parse_parameters(parameters);
  const std::string secret =
      base::md5_hex(fmt::format("{}:{}:{}", credentials_.user, kRealm, credentials_.password));
  const std::string what = base::md5_hex(fmt::format("{}:{}", request.method, answer["uri"]));
  std::string middle = answer["nonce"];
  if (credentials_.scheme == AuthScheme::kDigestQop) {
    if (answer["qop"] != "auth") return Verdict::kWrong;
    middle += fmt::format(":{}:{}:auth", answer["nc"], answer["cnonce"]);
  }
  const bool is_right =
      answer["username"] == credentials_.user && answer["realm"] == kRealm &&
      answer["response"] == base::md5_hex(fmt::format("{}:{}:{}", secret, middle, what));
  if (!is_right) return Verdict::kWrong;
  return answer["nonce"] == nonce_ ? Verdict::kAccepted : Verdict::kStale;
}

std::string Authenticator::challenge(Verdict verdict) const {
  if (credentials_.scheme == AuthScheme::kBasic) return fmt::format("Basic realm=\"{}\"", kRealm);
  return fmt::format("Digest realm=\"{}\", nonce=\"{}\"{}{}", kRealm, nonce_,
                     credentials_.scheme == AuthScheme::kDigestQop ? ", qop=\"auth\"" : "",
                     verdict == Verdict::kStale ? ", stale=true" : "");
}

}  // namespace longtake::camsim
