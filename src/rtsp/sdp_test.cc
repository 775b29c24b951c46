#include "rtsp/sdp.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace longtake::rtsp {
namespace {

constexpr std::string_view kCamera =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Session\r\nt=0 0\r\na=control:rtsp://192.0.2.7/main/\r\n"
    "m=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0L=,aM4=; "
    "profile-level-id=42C016\r\na=control:trackID=1\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/2\r\na=fmtp:97 "
    "streamtype=5;mode=AAC-hbr;config=1410;\r\n"
    "a=control:trackID=2\r\n";

TEST(Sdp, ReadsACamerasDescription) {
  const auto session = parse_sdp(kCamera);
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->control, "rtsp://192.0.2.7/main/");
  ASSERT_EQ(session->media.size(), 2U);
  const MediaDescription& video = session->media[0];
  EXPECT_EQ(video.description(), "video/H264");
  EXPECT_EQ(video.payload_type, 96);
  EXPECT_EQ(video.clock_rate_hz, 90'000U);
  EXPECT_EQ(video.control, "trackID=1");
  EXPECT_EQ(video.format_parameter("SPROP-parameter-sets"), "Z0L=,aM4=");
  const MediaDescription& audio = session->media[1];
  EXPECT_EQ(audio.encoding, "MPEG4-GENERIC");
  EXPECT_EQ(audio.clock_rate_hz, 16'000U);
  EXPECT_EQ(audio.channels, 2U);
  EXPECT_EQ(audio.format_parameter("config"), "1410");
  EXPECT_EQ(audio.format_parameter("sizelength"), std::nullopt);
}

TEST(Sdp, TakesTheFirstOfSeveralPayloadTypes) {
  const auto session =
      parse_sdp("m=video 0 RTP/AVP 96 97\na=rtpmap:97 rtx/90000\na=rtpmap:96 H264/90000\n");
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media[0].encoding, "H264");
}

TEST(Sdp, KnowsStaticPayloadTypes) {
  const auto session = parse_sdp("m=audio 0 RTP/AVP 8\n");
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media[0].description(), "audio/PCMA");
}

TEST(Sdp, NamesAPayloadTypeThatNothingExplains) {
  const auto session = parse_sdp("m=application 0 RTP/AVP 107\n");
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media[0].description(), "application/payload type 107");
}

TEST(Sdp, ToleratesLinesThatAreNone) {
  const auto session =
      parse_sdp("garbage\n=\nm\nx=\n\nm=video\na=rtpmap\na=rtpmap:\na=fmtp:96\na\n");
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media.size(), 1U);
}

TEST(Sdp, RefusesADescriptionWithoutMedia) {
  EXPECT_FALSE(parse_sdp("").has_value());
  EXPECT_FALSE(parse_sdp("v=0\r\ns=x\r\n").has_value());
}

TEST(Sdp, Sec24_KeepsForeignBytesOutOfDescriptions) {
  const auto session = parse_sdp("m=video\x1b[31m 0 RTP/AVP 96\n");
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->media[0].description().find('\x1b'), std::string::npos);
}

std::string lines(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "m=video 0 RTP/AVP 96\n";
  return text;
}

TEST(Sdp, Cam04_HoldsItsLimitOfLinesExactly) {
  EXPECT_TRUE(parse_sdp(lines(limits::kSdpLines - 1)).has_value());
  EXPECT_TRUE(parse_sdp(lines(limits::kSdpLines)).has_value());
  EXPECT_EQ(parse_sdp(lines(limits::kSdpLines + 1)).error().code(), ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace longtake::rtsp
