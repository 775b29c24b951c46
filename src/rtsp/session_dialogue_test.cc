// The requests and answers of a session; its bytes and ticks are in session_test.cc.
#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"
#include "rtsp/session.h"
#include "rtsp/session_fixture.h"
#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using media::Reason;
using test::kVideoSdp;
using test::SessionTest;

TEST_F(SessionTest, AsksInOrderAndPlays) {
  session_->start(now_);
  EXPECT_TRUE(sent().starts_with("OPTIONS rtsp://cam/main RTSP/1.0\r\nCSeq: 1\r\n"));
  EXPECT_TRUE(reply("200 OK").starts_with("DESCRIBE rtsp://cam/main RTSP/1.0\r\n"));
  const std::string setup =
      reply("200 OK", "Content-Base: rtsp://cam/main/\r\n", test::kSessionSdp);
  EXPECT_TRUE(setup.starts_with("SETUP rtsp://cam/main/trackID=1 RTSP/1.0\r\n")) << setup;
  EXPECT_NE(setup.find("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), std::string::npos);
  const std::string second = reply(
      "200 OK", "Session: abc;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
  EXPECT_TRUE(second.starts_with("SETUP rtsp://cam/main/trackID=2 RTSP/1.0\r\n"));
  EXPECT_NE(second.find("Session: abc\r\n"), std::string::npos);
  const std::string play = reply("200 OK");
  EXPECT_TRUE(play.starts_with("PLAY rtsp://cam/main/ RTSP/1.0\r\n"));
  EXPECT_FALSE(session_->is_playing());
  reply("200 OK");
  EXPECT_TRUE(session_->is_playing());
}

TEST_F(SessionTest, DeliversItemsInTheirOrder) {
  play();
  receive(picture(1));
  ASSERT_EQ(sink_.items.size(), 4U);
  EXPECT_EQ(std::get<media::SessionStarted>(sink_.items[0]).kinds.size(), 2U);
  EXPECT_EQ(std::get<media::TrackConfigPtr>(sink_.items[1])->track, 1);
  EXPECT_EQ(std::get<media::TrackConfigPtr>(sink_.items[2])->track, 2);
  EXPECT_TRUE(std::holds_alternative<media::AccessUnitPtr>(sink_.items[3]));
}

TEST_F(SessionTest, TakesMediaThatOvertakesTheAnswerToPlay) {
  describe(kVideoSdp);
  reply("200 OK", "Session: abc\r\n");
  receive(picture(1));
  EXPECT_TRUE(session_->is_playing());
  reply("200 OK");
  EXPECT_EQ(sink_.all<media::SessionStarted>().size(), 1U);
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(SessionTest, UsesTheChannelsTheCameraChose) {
  describe(kVideoSdp);
  reply("200 OK", "Session: abc\r\nTransport: RTP/AVP/TCP;unicast;interleaved=10-11;ssrc=1\r\n");
  reply("200 OK");
  receive(test::frame(
      10, test::rtp_packet({.sequence = 1, .timestamp = 1, .has_marker = true}, test::idr())));
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(SessionTest, ResolvesTrackAddressesAgainstContentBase) {
  start();
  reply("200 OK");
  EXPECT_TRUE(reply("200 OK", "Content-Base: rtsp://10.0.0.9/other/\r\n", kVideoSdp)
                  .starts_with("SETUP rtsp://10.0.0.9/other/trackID=1 "));
}

TEST_F(SessionTest, PlaysTheAggregateOfTheSessionsControl) {
  describe("v=0\r\na=control:rtsp://cam/aggregate\r\n" + kVideoSdp);
  EXPECT_TRUE(reply("200 OK", "Session: abc\r\n").starts_with("PLAY rtsp://cam/aggregate "));
}

TEST_F(SessionTest, Cam05_LogsInWithDigestAfterA401) {
  start();
  const std::string again =
      reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
  EXPECT_TRUE(again.starts_with("OPTIONS "));
  EXPECT_NE(again.find("Authorization: Digest username=\"user\""), std::string::npos);
  EXPECT_EQ(again.find("pass"), std::string::npos);
  EXPECT_TRUE(reply("200 OK").starts_with("DESCRIBE "));
}

TEST_F(SessionTest, Cam05_EndsWhenThePasswordIsRefused) {
  start();
  reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
  EXPECT_EQ(reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\"\r\n"),
            "");
  expect_end(Reason::kAuthFailed,
             "OPTIONS answered 401 after digest login; check the user name and password");
  EXPECT_EQ(session_->ended()->detail.find("pass "), std::string::npos);
}

TEST_F(SessionTest, Cam05_RetriesAStaleNonceAtOnceButOnlyOnce) {
  start();
  reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
  const std::string stale = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", stale=true\r\n";
  EXPECT_NE(reply("401 Unauthorized", stale).find("nonce=\"n2\""), std::string::npos);
  reply("401 Unauthorized", stale);
  expect_end(Reason::kAuthFailed, "401");
}

TEST_F(SessionTest, Cam05_FollowsANewNonceAfterCredentialsWereAccepted) {
  start();
  reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
  reply("200 OK");
  const std::string again =
      reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\"\r\n");
  EXPECT_TRUE(again.starts_with("DESCRIBE "));
  EXPECT_NE(again.find("nonce=\"n2\""), std::string::npos);
}

TEST_F(SessionTest, Cam05_FollowsAChangeFromBasicToDigest) {
  start();
  reply("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n");
  EXPECT_NE(reply("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n")
                .find("Digest username"),
            std::string::npos);
}

TEST_F(SessionTest, SaysWhichAuthenticationIsNotSpoken) {
  start();
  reply("401 Unauthorized",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256\r\n");
  expect_end(Reason::kAuthFailed, "SHA-256");
}

class SessionWithoutLoginTest : public SessionTest {
 protected:
  SessionWithoutLoginTest() : SessionTest("rtsp://cam/main") {}
};

TEST_F(SessionWithoutLoginTest, SaysThatALoginIsWanted) {
  start();
  reply("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n");
  expect_end(Reason::kAuthFailed, "none are configured");
}

TEST_F(SessionTest, GoesOnWhenOptionsIsNotKnown) {
  start();
  EXPECT_TRUE(reply("501 Not Implemented").starts_with("DESCRIBE "));
}

TEST_F(SessionTest, RecordsThePictureOfACameraWhoseSoundCannotBeSetUp) {
  describe();
  reply("200 OK", "Session: abc\r\n");
  EXPECT_TRUE(reply("500 Internal Server Error").starts_with("PLAY "));
  reply("200 OK");
  EXPECT_TRUE(session_->is_playing());
  ASSERT_EQ(session_->skipped().size(), 1U);
  EXPECT_NE(session_->skipped()[0].description.find("SETUP answered 500"), std::string::npos);
}

TEST_F(SessionTest, TriesAgainLaterWhenNoTrackCanBeSetUpNow) {
  describe(kVideoSdp);
  EXPECT_EQ(reply("503 Service Unavailable"), "");
  expect_end(Reason::kCameraDisconnected, "SETUP answered 503");
}

TEST_F(SessionTest, SkipsAndReportsUnknownTracks) {
  describe(
      "m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\na=control:a\r\n" + kVideoSdp +
      "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:c\r\n");
  reply("200 OK", "Session: abc\r\n");
  reply("200 OK");
  const auto started = sink_.all<media::SessionStarted>();
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0].kinds, std::vector{media::TrackKind::kVideo});
  ASSERT_EQ(started[0].skipped.size(), 2U);
  EXPECT_EQ(started[0].skipped[0].description, "video/H265: unknown codec");
}

TEST_F(SessionTest, EndsWithoutAnyKnownTrack) {
  describe("m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n");
  expect_end(Reason::kUnsupportedMedia,
             "offers no track that longtake can record (video/H265: unknown codec)");
}

TEST_F(SessionTest, RecordsVideoWhenTheAudioTrackIsRefused) {
  describe();
  reply("200 OK", "Session: abc\r\n");
  EXPECT_TRUE(reply("461 Unsupported Transport").starts_with("PLAY "));
  reply("200 OK");
  EXPECT_EQ(sink_.all<media::SessionStarted>().at(0).kinds.size(), 1U);
}

std::string sdp_of_tracks(std::size_t unknown) {
  std::string sdp;
  for (std::size_t i = 0; i < unknown; ++i) sdp += "m=video 0 RTP/AVP 98\r\n";
  return sdp + kVideoSdp.substr(kVideoSdp.find("m="));
}

TEST_F(SessionTest, Cam04_LooksAtAsManyTracksAsTheLimitAllows) {
  describe(sdp_of_tracks(limits::kTracksPerSession - 1));
  EXPECT_FALSE(session_->ended().has_value());
}

TEST_F(SessionTest, Cam04_ReportsTracksBeyondTheLimit) {
  describe(sdp_of_tracks(limits::kTracksPerSession));
  expect_end(Reason::kUnsupportedMedia, "1 more: at most 8 tracks are looked at");
}

TEST_F(SessionTest, SaysThatAnHttpServerListens) {
  start();
  receive("HTTP/1.1 400 Bad Request\r\n");
  expect_end(Reason::kUnsupportedMedia, "an HTTP server answered");
}

TEST_F(SessionTest, SaysThatNothingAnswered) {
  start();
  session_->on_closed();
  expect_end(Reason::kCameraDisconnected, "without answering OPTIONS");
}

TEST_F(SessionTest, ExplainsRefusalsInWords) {
  start();
  reply("200 OK");
  reply("404 Stream Not Found");
  expect_end(Reason::kUnsupportedMedia, "DESCRIBE answered 404 Stream Not Found; check the path");
}

TEST_F(SessionTest, Cam06_DoesNotFollowARedirectAndShowsNoLoginOfIt) {
  start();
  reply("200 OK");
  reply("302 Found", "Location: rtsp://a:b@elsewhere/x\r\n");
  expect_end(Reason::kRefusedByPolicy, "rtsp://elsewhere/x");
}

TEST_F(SessionTest, Sec24_KeepsControlBytesOutOfItsWords) {
  start();
  reply("200 OK");
  reply("404 \x1b[31mred");
  EXPECT_EQ(session_->ended()->detail.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace longtake::rtsp
