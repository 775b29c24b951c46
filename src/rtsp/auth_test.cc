#include "rtsp/auth.h"

#include <gtest/gtest.h>

#include <string>

namespace longtake::rtsp {
namespace {

TEST(Challenge, ReadsADigestOffer) {
  const auto challenge = parse_challenge(
      "Digest realm=\"IP Camera(C1234)\", nonce=\"abc=,\\\"d\", stale=\"TRUE\", qop=\"auth-int, "
      "auth\", algorithm=MD5, opaque=\"\"");
  ASSERT_TRUE(challenge.has_value());
  EXPECT_EQ(challenge->scheme, AuthScheme::kDigest);
  EXPECT_EQ(challenge->realm, "IP Camera(C1234)");
  EXPECT_EQ(challenge->nonce, "abc=,\"d");
  EXPECT_TRUE(challenge->is_stale);
  EXPECT_TRUE(challenge->has_qop_auth);
  EXPECT_TRUE(challenge->has_opaque);
}

TEST(Challenge, ReadsABasicOffer) {
  const auto challenge = parse_challenge("basic realm=\"cam\"");
  ASSERT_TRUE(challenge.has_value());
  EXPECT_EQ(challenge->scheme, AuthScheme::kBasic);
}

TEST(Challenge, LeavesOutWhatWeDoNotSpeak) {
  EXPECT_FALSE(parse_challenge("Digest realm=\"x\", nonce=\"y\", algorithm=SHA-256").has_value());
  EXPECT_FALSE(parse_challenge("Digest realm=\"x\"").has_value());
  EXPECT_FALSE(parse_challenge("Bearer x").has_value());
  EXPECT_FALSE(parse_challenge("").has_value());
}

TEST(Challenge, Cam05_PrefersDigestOverBasic) {
  const auto challenge = choose_challenge(
      {"Basic realm=\"a\"", "Digest realm=\"b\", nonce=\"n\"", "Basic realm=\"c\""});
  ASSERT_TRUE(challenge.has_value());
  EXPECT_EQ(challenge->realm, "b");
}

TEST(Authenticator, Cam05_AnswersBasic) {
  base::SeededRandom random(1);
  Authenticator authenticator("Aladdin", base::Secret("open sesame"), random);
  EXPECT_EQ(authenticator.authorization("DESCRIBE", "rtsp://cam/x"), "");
  authenticator.set_challenge(*parse_challenge("Basic realm=\"cam\""));
  // The example of RFC 7617 §2.
  EXPECT_EQ(authenticator.authorization("DESCRIBE", "rtsp://cam/x"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST(Authenticator, Cam05_AnswersDigestWithoutQop) {
  base::SeededRandom random(1);
  Authenticator authenticator("Mufasa", base::Secret("Circle Of Life"), random);
  authenticator.set_challenge(*parse_challenge(
      "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""));
  const std::string value = authenticator.authorization("DESCRIBE", "rtsp://cam/x");
  // MD5 by hand over the user, realm and nonce of RFC 2617 §3.5.
  EXPECT_NE(value.find("response=\"39c471c69d67bb47c3244c0cdc859d92\""), std::string::npos)
      << value;
  EXPECT_EQ(value.find("qop"), std::string::npos);
}

TEST(Authenticator, Cam05_CountsTheUsesOfANonceWithQop) {
  base::SeededRandom random(1);
  Authenticator authenticator("u", base::Secret("p"), random);
  authenticator.set_challenge(
      *parse_challenge("Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", opaque=\"o\""));
  EXPECT_NE(authenticator.authorization("OPTIONS", "*").find("nc=00000001"), std::string::npos);
  const std::string second = authenticator.authorization("OPTIONS", "*");
  EXPECT_NE(second.find("nc=00000002"), std::string::npos);
  EXPECT_NE(second.find("qop=auth"), std::string::npos);
  EXPECT_NE(second.find("opaque=\"o\""), std::string::npos);
  authenticator.set_challenge(*parse_challenge("Digest realm=\"r\", nonce=\"n2\", qop=\"auth\""));
  EXPECT_NE(authenticator.authorization("OPTIONS", "*").find("nc=00000001"), std::string::npos);
}

TEST(Authenticator, Sec13_NeverSendsThePasswordItself) {
  base::SeededRandom random(1);
  Authenticator authenticator("u", base::Secret("canary"), random);
  authenticator.set_challenge(*parse_challenge("Digest realm=\"r\", nonce=\"n\", qop=\"auth\""));
  EXPECT_EQ(authenticator.authorization("PLAY", "rtsp://cam/x").find("canary"), std::string::npos);
}

}  // namespace
}  // namespace longtake::rtsp
