#include "rtsp/session.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/limits.h"
#include "rtsp/session_fixture.h"
#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using media::Reason;
using test::at;
using test::kVideoSdp;
using test::SessionTest;

TEST_F(SessionTest, Cam03_EndsWhenAnAnswerDoesNotComeInTime) {
  start();
  pass(limits::kRtspMessageDeadline);
  EXPECT_FALSE(session_->ended().has_value());
  pass(milliseconds(100));
  expect_end(Reason::kCameraTimeout, "OPTIONS got no answer within 10 s");
}

TEST_F(SessionTest, Cam03_EndsWhenAnAnswerTrickles) {
  start();
  const std::string slow = "RTSP/1.0 200 OK\r\nX-Slow: " + std::string(100, 'a');
  std::size_t done = 0;
  for (std::size_t end = 1; end <= slow.size() && !session_->ended(); ++end) {
    done += session_->feed(as_bytes(slow.substr(done, end - done)), now_);
    pass(seconds(1));
  }
  expect_end(Reason::kCameraTimeout, "within 10 s");
}

TEST_F(SessionTest, Cam03_EndsWhenAFrameTrickles) {
  play(kVideoSdp);
  // A camera of one picture in four seconds: its silence alone is tolerated for twelve.
  for (std::uint16_t i = 0; i < 5; ++i) {
    receive(picture(i));
    pass(seconds(4));
  }
  const Bytes frame = picture(5);
  for (std::size_t i = 1; i < frame.size() && !session_->ended(); ++i) {
    EXPECT_EQ(session_->feed(ByteSpan(frame).first(i), now_), session_->ended() ? i : 0U);
    pass(milliseconds(700));
  }
  ASSERT_TRUE(session_->ended().has_value());
  EXPECT_EQ(session_->ended()->reason, Reason::kCameraStalled);
}

TEST_F(SessionTest, Cam03_EndsWhenAnAnswerTricklesWhilePlaying) {
  play(kVideoSdp);
  for (std::uint16_t i = 0; i < 5; ++i) {
    receive(picture(i));
    pass(seconds(4));
  }
  receive(picture(6));
  for (int i = 0; i < 20 && !session_->ended(); ++i) {
    receive(i == 0 ? "RTSP/1.0 200 OK\r\n" : "a");
    pass(milliseconds(600));
  }
  expect_end(Reason::kCameraTimeout, "was not complete within 10 s");
}

TEST_F(SessionTest, Cam04_EndsOnAFloodOfHeaders) {
  start();
  std::string flood = "RTSP/1.0 200 OK\r\n";
  for (std::size_t i = 0; i <= limits::kRtspHeaderCount; ++i) flood += "A: b\r\n";
  receive(flood);
  expect_end(Reason::kCameraDisconnected, "headers beyond the limit of 100");
}

TEST_F(SessionTest, EndsOnJunkWithoutEnd) {
  play();
  receive(Bytes(limits::kRtspJunkBytes, std::byte{1}));
  EXPECT_FALSE(session_->ended().has_value());
  receive(Bytes(1, std::byte{1}));
  expect_end(Reason::kUnsupportedMedia, "neither RTSP nor media");
}

TEST_F(SessionTest, Cam24_CountsJunkBetweenFramesAndGoesOn) {
  play();
  receive(picture(1));
  receive("\x01\x02\x03");
  receive(picture(2));
  EXPECT_EQ(sink_.units().size(), 2U);
  EXPECT_EQ(session_->counters().junk_bytes, 3U);
}

TEST_F(SessionTest, AnswersRequestsOfTheCamera) {
  play();
  receive("OPTIONS rtsp://cam/main RTSP/1.0\r\nCSeq: 42\r\n\r\n");
  const std::string answer = sent();
  EXPECT_TRUE(answer.starts_with("RTSP/1.0 200 OK\r\nCSeq: 42\r\n"));
  receive("ANNOUNCE rtsp://cam/main RTSP/1.0\r\nCSeq: 43\r\nContent-Length: 3\r\n\r\nv=0");
  EXPECT_TRUE(sent().starts_with("RTSP/1.0 200 OK\r\nCSeq: 43\r\n"));
  receive("REDIRECT rtsp://cam/main RTSP/1.0\r\nCSeq: 44\r\n\r\n");
  EXPECT_TRUE(sent().starts_with("RTSP/1.0 501 "));
  receive(picture(1));
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(SessionTest, ToleratesACameraThatTalksFirst) {
  session_->start(now_);
  sent();
  sequence_ = "1";
  receive("OPTIONS rtsp://cam/main RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  sent();
  sequence_ = "1";
  EXPECT_TRUE(reply("200 OK").starts_with("DESCRIBE "));
}

TEST_F(SessionTest, Cam26_KeepsTheSessionAliveAtHalfItsTimeout) {
  play(kVideoSdp, "abc;timeout=5");
  std::vector<milliseconds> asked_at;
  const MonotonicTime start = now_;
  for (int i = 0; i < 100; ++i) {
    receive(picture(static_cast<std::uint16_t>(i)));
    pass(milliseconds(100));
    if (sent_method() == "GET_PARAMETER") {
      asked_at.push_back(std::chrono::duration_cast<milliseconds>(now_ - start));
      reply("200 OK");
    }
  }
  EXPECT_EQ(asked_at, (std::vector{milliseconds(2500), milliseconds(5000), milliseconds(7500),
                                   milliseconds(10'000)}));
}

TEST_F(SessionTest, Cam26_ChangesToOptionsWhereGetParameterIsRefused) {
  play(kVideoSdp, "abc;timeout=4");
  receive(picture(1));
  pass(seconds(2));
  EXPECT_EQ(sent_method(), "GET_PARAMETER");
  reply("405 Method Not Allowed");
  pass(milliseconds(100));
  EXPECT_EQ(sent_method(), "OPTIONS");
  reply("200 OK");
  receive(picture(2));
  pass(seconds(2));
  EXPECT_EQ(sent_method(), "OPTIONS");
}

TEST_F(SessionTest, Cam26_ChangesToOptionsWhereGetParameterIsNeverAnswered) {
  play(kVideoSdp, "abc;timeout=4");
  receive(picture(1));
  pass(seconds(2));
  EXPECT_EQ(sent_method(), "GET_PARAMETER");
  receive(picture(2));
  pass(seconds(2));
  sent();
  receive(picture(3));
  pass(seconds(2));
  EXPECT_NE(sent().find("OPTIONS rtsp://cam/main RTSP/1.0"), std::string::npos);
  EXPECT_FALSE(session_->ended().has_value());
}

TEST_F(SessionTest, Cam26_EndsWhenTheCameraForgotTheSession) {
  play(kVideoSdp, "abc;timeout=4");
  receive(picture(1));
  pass(seconds(2));
  sent();
  reply("454 Session Not Found");
  expect_end(Reason::kCameraDisconnected, "forgotten the session");
}

TEST_F(SessionTest, Cam26_LivesForADayWithoutExpiring) {
  play(kVideoSdp, "abc;timeout=10");
  MonotonicTime last_sign = now_;
  nanoseconds longest{0};
  std::uint16_t sequence = 0;
  for (int second = 0; second < 24 * 3600; ++second) {
    receive(picture(++sequence));
    sink_.items.clear();
    now_ += seconds(1);
    session_->on_tick(now_);
    const std::string text = sent();
    if (text.find(" RTSP/1.0") != std::string::npos) {
      longest = std::max(longest, now_ - last_sign);
      last_sign = now_;
      reply("200 OK");
    }
  }
  EXPECT_FALSE(session_->ended().has_value());
  EXPECT_LT(longest, nanoseconds(seconds(10)));
}

TEST_F(SessionTest, Cam02_EndsFiveSecondsAfterTheLastPacket) {
  play(kVideoSdp);
  receive(picture(1));
  pass(seconds(5));
  EXPECT_FALSE(session_->ended().has_value());
  pass(milliseconds(100));
  expect_end(Reason::kCameraStalled, "no video packet for 5.1 s");
  EXPECT_EQ(session_->last_media(), at(seconds(0)));
}

TEST_F(SessionTest, Cam02_IsPatientWithACameraOfFewPictures) {
  play(kVideoSdp);
  for (std::uint16_t i = 0; i < 5; ++i) {
    receive(picture(i));
    pass(seconds(4));
  }
  pass(milliseconds(7900));
  EXPECT_FALSE(session_->ended().has_value());
  pass(milliseconds(300));
  expect_end(Reason::kCameraStalled, "no video packet");
}

TEST_F(SessionTest, Cam02_SeesVideoThatFreezesWhileSoundGoesOn) {
  play();
  receive(picture(1));
  for (std::uint16_t i = 0; i < 60 && !session_->ended(); ++i) {
    receive(test::frame(2, test::rtp_packet({.sequence = i,
                                             .timestamp = i * 1024U,
                                             .has_marker = true,
                                             .ssrc = 9,
                                             .payload_type = 97},
                                            codec::hex("00100010 aabb"))));
    pass(milliseconds(100));
  }
  expect_end(Reason::kCameraStalled, "no video packet");
}

TEST_F(SessionTest, Cam22_GoesOnWithoutSound) {
  play();
  receive(test::frame(
      2, test::rtp_packet(
             {.sequence = 1, .timestamp = 0, .has_marker = true, .ssrc = 9, .payload_type = 97},
             codec::hex("00100010 aabb"))));
  for (std::uint16_t i = 0; i < 100; ++i) {
    receive(picture(i));
    pass(milliseconds(100));
  }
  EXPECT_FALSE(session_->ended().has_value());
  EXPECT_EQ(sink_.units().size(), 101U);
}

TEST_F(SessionTest, Cam12_ReportsANewSourceAndLosesNoPicture) {
  play(kVideoSdp);
  receive(picture(1, 1));
  receive(picture(100, 2));
  receive(picture(101, 2));
  receive(picture(102, 2));
  EXPECT_EQ(sink_.units().size(), 4U);
  EXPECT_EQ(sink_.all<media::SourceChanged>().size(), 1U);
  EXPECT_TRUE(sink_.all<media::Damage>().empty());
}

TEST_F(SessionTest, Cam12_DropsStraysAndCountsThem) {
  play(kVideoSdp);
  receive(picture(1, 1));
  receive(picture(100, 2));
  receive(picture(2, 1));
  EXPECT_EQ(sink_.units().size(), 2U);
  EXPECT_EQ(session_->counters().packets_stray, 1U);
  EXPECT_TRUE(sink_.all<media::SourceChanged>().empty());
}

TEST_F(SessionTest, CountsLostPacketsOnTcpToo) {
  play(kVideoSdp);
  receive(picture(1));
  receive(picture(4));
  EXPECT_EQ(session_->counters().packets_lost, 2U);
  const auto damage = sink_.all<media::Damage>();
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].count, 2U);
  EXPECT_TRUE(sink_.units().at(1)->is_damaged);
}

TEST_F(SessionTest, Cam20_DeliversSenderReportsOnTheUnitsClock) {
  play(kVideoSdp);
  receive(picture(1));
  receive(
      test::frame(1, codec::hex("80c80006 11223344 e0000000 80000000 00001770 00000001 00000002")));
  const auto reports = sink_.all<media::SenderReport>();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].rtp_time, sink_.units()[0]->pts);
}

TEST_F(SessionTest, SendsReceiverReports) {
  play(kVideoSdp);
  for (std::uint16_t i = 0; i < 51; ++i) {
    receive(picture(i));
    pass(milliseconds(100));
  }
  const std::string text = sent();
  ASSERT_EQ(text.size(), 36U);
  EXPECT_EQ(text.substr(0, 2), std::string("$\x01", 2));
}

TEST_F(SessionTest, EndsAfterAGoodbyeUnlessMediaFollows) {
  play(kVideoSdp);
  const Bytes goodbye = test::frame(1, codec::hex("81cb0001 11223344"));
  receive(picture(1));
  receive(goodbye);
  receive(picture(2));
  pass(seconds(2));
  EXPECT_FALSE(session_->ended().has_value());
  receive(goodbye);
  pass(milliseconds(1100));
  expect_end(Reason::kCameraDisconnected, "RTCP BYE");
}

TEST_F(SessionTest, TearsDownOnRequest) {
  play(kVideoSdp);
  session_->tear_down(now_);
  EXPECT_TRUE(sent().starts_with("TEARDOWN rtsp://cam/main RTSP/1.0\r\n"));
  receive(picture(1));
  EXPECT_FALSE(session_->is_torn_down());
  reply("200 OK");
  EXPECT_TRUE(session_->is_torn_down());
  EXPECT_TRUE(sink_.units().empty());
}

TEST_F(SessionTest, RetriesPlayWithoutARangeThatTheCameraRefuses) {
  describe(kVideoSdp);
  EXPECT_NE(reply("200 OK", "Session: abc\r\n").find("Range:"), std::string::npos);
  const std::string again = reply("457 Invalid Range");
  EXPECT_TRUE(again.starts_with("PLAY "));
  EXPECT_EQ(again.find("Range:"), std::string::npos);
}

TEST_F(SessionTest, GivesTheSameItemsHoweverTheBytesAreCut) {
  Bytes stream;
  for (std::uint16_t i = 0; i < 20; ++i) {
    for (const std::byte byte : picture(i)) stream.push_back(byte);
    if (i % 5 == 0) ByteWriter(stream).text("OPTIONS rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  }
  EXPECT_TRUE(rc::check("cut anywhere, 20 pictures come out", [&] {
    const auto cuts =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 60));
    auto camera = parse_camera_url("rtsp://cam/main");
    sink_.items.clear();
    session_ = std::make_unique<Session>(camera->url, "", base::Secret(), random_, sink_);
    play(kVideoSdp);
    Bytes pending;
    std::size_t sent_bytes = 0;
    for (std::size_t i = 0; sent_bytes < stream.size(); ++i) {
      const std::size_t size =
          std::min(i < cuts.size() ? cuts[i] : 1000, stream.size() - sent_bytes);
      const ByteSpan piece = ByteSpan(stream).subspan(sent_bytes, size);
      pending.insert(pending.end(), piece.begin(), piece.end());
      sent_bytes += size;
      pending.erase(pending.begin(),
                    pending.begin() + static_cast<std::ptrdiff_t>(session_->feed(pending, now_)));
    }
    RC_ASSERT(pending.empty());
    RC_ASSERT(sink_.units().size() == 20U);
    RC_ASSERT(session_->counters().junk_bytes == 0U);
  }));
}

}  // namespace
}  // namespace longtake::rtsp
