#include "sim/camera/authenticator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"

namespace longtake::camsim {
namespace {

using Verdict = Authenticator::Verdict;

RtspRequest describe(const std::string& authorization = {}) {
  RtspRequest request{.method = "DESCRIBE",
                      .url = "rtsp://h/front",
                      .version = "RTSP/1.0",
                      .headers = {},
                      .body = {}};
  if (!authorization.empty()) request.headers["authorization"] = authorization;
  return request;
}

std::string nonce_in(const std::string& challenge) {
  const auto begin = challenge.find("nonce=\"") + 7;
  return challenge.substr(begin, challenge.find('"', begin) - begin);
}

std::string digest_answer(const Authenticator& server, const std::string& password) {
  const std::string nonce = nonce_in(server.challenge(Verdict::kNoCredentials));
  const std::string response =
      base::md5_hex(base::md5_hex("admin:longtake-camsim:" + password) + ":" + nonce + ":" +
                    base::md5_hex("DESCRIBE:rtsp://h/front"));
  return fmt::format(
      R"(Digest username="admin", realm="longtake-camsim", nonce="{}", uri="rtsp://h/front", response="{}")",
      nonce, response);
}

TEST(Authenticator, LetsEverybodyInUntilItIsTold) {
  EXPECT_EQ(Authenticator(1).judge(describe()), Verdict::kAccepted);
}

TEST(Authenticator, TakesTheRightBasicPasswordOnly) {
  Authenticator server(1);
  server.require({AuthScheme::kBasic, "admin", "secret"});
  EXPECT_EQ(server.judge(describe()), Verdict::kNoCredentials);
  EXPECT_EQ(server.judge(describe("Basic YWRtaW46c2VjcmV0")), Verdict::kAccepted);
  EXPECT_EQ(server.judge(describe("Basic YWRtaW46d3Jvbmc=")), Verdict::kWrong);
}

TEST(Authenticator, TakesTheRightDigestOnly) {
  Authenticator server(1);
  server.require({AuthScheme::kDigest, "admin", "secret"});
  EXPECT_EQ(server.judge(describe(digest_answer(server, "secret"))), Verdict::kAccepted);
  EXPECT_EQ(server.judge(describe(digest_answer(server, "wrong"))), Verdict::kWrong);
}

TEST(Authenticator, CallsARightAnswerToAnOldNonceStale) {
  Authenticator server(1);
  server.require({AuthScheme::kDigest, "admin", "secret"});
  const std::string answer = digest_answer(server, "secret");
  server.renew_nonce();
  EXPECT_EQ(server.judge(describe(answer)), Verdict::kStale);
  EXPECT_THAT(server.challenge(Verdict::kStale), testing::HasSubstr("stale=true"));
}

}  // namespace
}  // namespace longtake::camsim
