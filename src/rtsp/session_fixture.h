#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "rtsp/session.h"
#include "rtsp/test_support.h"

namespace longtake::rtsp::test {

inline const std::string kSessionSdp =
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=" +
    std::string(kSprop) +
    "\r\na=control:trackID=1\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
    "a=fmtp:97 mode=AAC-hbr;config=1408\r\na=control:trackID=2\r\n";
inline const std::string kVideoSdp = kSessionSdp.substr(0, kSessionSdp.find("m=audio"));

/// A session and, by hand, the camera at its other end.
class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(std::string_view url = "rtsp://user:pass@cam/main") {
    auto camera = parse_camera_url(url);
    session_ =
        std::make_unique<Session>(camera->url, camera->username, camera->password, random_, sink_);
  }

  /// What the session sends now, as text; the CSeq of its last request is remembered for `reply`.
  std::string sent() {
    const Bytes output = session_->take_output();
    std::string text(as_text(output));
    const std::size_t sequence = text.rfind("CSeq: ");
    if (sequence != std::string::npos)
      sequence_ = text.substr(sequence + 6, text.find('\r', sequence) - sequence - 6);
    return text;
  }
  std::string sent_method() {
    const std::string text = sent();
    return text.substr(0, text.find(' '));
  }
  /// The camera sends these bytes.
  void receive(ByteSpan bytes) { EXPECT_EQ(session_->feed(bytes, now_), bytes.size()); }
  void receive(std::string_view text) { receive(as_bytes(text)); }
  /// The camera answers the last request; what the session sends then is returned.
  std::string reply(std::string_view status, std::string_view headers = "",
                    std::string_view body = "") {
    std::string text = "RTSP/1.0 " + std::string(status) + "\r\nCSeq: " + sequence_ + "\r\n" +
                       std::string(headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    receive(text + "\r\n" + std::string(body));
    return sent();
  }
  void start() {
    session_->start(now_);
    sent();
  }
  void describe(std::string_view sdp = kSessionSdp, std::string_view headers = "") {
    start();
    reply("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n");
    reply("200 OK", headers, sdp);
  }
  /// Up to the answer to PLAY, with video on channels 0-1 and, if described, audio on 2-3.
  void play(std::string_view sdp = kSessionSdp, std::string_view session = "abc;timeout=60") {
    describe(sdp);
    const std::string header = "Session: " + std::string(session) + "\r\n";
    const auto tracks = std::ranges::count(std::string_view(sdp), 'm') > 0 &&
                                sdp.find("m=audio") != std::string_view::npos
                            ? 2
                            : 1;
    for (int i = 0; i < tracks; ++i) reply("200 OK", header);
    reply("200 OK");
  }
  Bytes picture(std::uint16_t sequence, std::uint32_t ssrc = 0x11223344) {
    return frame(
        0,
        rtp_packet(
            {.sequence = sequence, .timestamp = sequence * 6000U, .has_marker = true, .ssrc = ssrc},
            idr()));
  }
  void pass(nanoseconds span) {
    for (nanoseconds step = milliseconds(100); span > nanoseconds(0); span -= step) {
      now_ += step;
      session_->on_tick(now_);
    }
  }
  void expect_end(media::Reason reason, std::string_view words) {
    ASSERT_TRUE(session_->ended().has_value());
    EXPECT_EQ(to_string(session_->ended()->reason), to_string(reason));
    EXPECT_NE(session_->ended()->detail.find(words), std::string::npos)
        << session_->ended()->detail;
  }

  base::SeededRandom random_{7};
  RecordingSink sink_;
  std::unique_ptr<Session> session_;
  MonotonicTime now_ = at(seconds(0));
  std::string sequence_;
};

}  // namespace longtake::rtsp::test
