#include "sim/camera/rtsp_request.h"

#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

constexpr std::string_view kSetup =
    "SETUP rtsp://127.0.0.1:8554/front/video RTSP/1.0\r\nCSeq: 3\r\nTransport: "
    "RTP/AVP/TCP;interleaved=0-1\r\n\r\n";

TEST(RtspRequestReader, ReadsARequestThatArrivesByteByByte) {
  RtspRequestReader reader;
  std::optional<RtspRequest> request;
  for (const char c : kSetup) {
    ASSERT_FALSE(request);
    reader.append(as_bytes(std::string_view(&c, 1)));
    request = reader.next();
  }
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "SETUP");
  EXPECT_EQ(request->path_name(), "front");
  EXPECT_EQ(request->track_name(), "video");
  EXPECT_EQ(request->header("cseq"), "3");
}

TEST(RtspRequestReader, SkipsInterleavedReceiverReports) {
  RtspRequestReader reader;
  const std::string report{'$', 1, 0, 4, 'a', 'b', '\r', '\n'};
  reader.append(as_bytes(report + std::string(kSetup)));
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
}

TEST(RtspRequestReader, TakesTheBodyWithItsRequest) {
  RtspRequestReader reader;
  reader.append(as_bytes("GET_PARAMETER * RTSP/1.0\r\nContent-Length: 4\r\n\r\nping"));
  const auto request = reader.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "ping");
  EXPECT_EQ(request->path_name(), "");
}

TEST(RtspRequestReader, GivesUpOnARequestThatNeverEnds) {
  RtspRequestReader reader;
  reader.append(as_bytes(std::string(70000, 'a')));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.is_broken());
}

}  // namespace
}  // namespace longtake::camsim
