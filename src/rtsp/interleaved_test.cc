#include "rtsp/interleaved.h"

#include <gtest/gtest.h>

#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using Kind = InterleavedScanner::Kind;

Bytes media_frame(std::uint8_t channel = 0) {
  return test::frame(channel, test::rtp_packet({.sequence = 1, .timestamp = 1}, as_bytes("abc")));
}

Bytes concatenated(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes bytes_of(std::string_view text) {
  const ByteSpan span = as_bytes(text);
  return {span.begin(), span.end()};
}

/// The channels of the frames found, skipping junk, until nothing more can be told.
std::vector<int> channels_in(InterleavedScanner& scanner, ByteSpan bytes,
                             std::size_t* junk = nullptr) {
  std::vector<int> out;
  while (!bytes.empty()) {
    const auto found = scanner.next(bytes);
    if (found.kind == Kind::kNeedMore || found.kind == Kind::kMessage) break;
    if (found.kind == Kind::kFrame) out.push_back(found.channel);
    if (found.kind == Kind::kJunk && junk != nullptr) *junk += found.size;
    bytes = bytes.subspan(found.size);
  }
  return out;
}

TEST(InterleavedScanner, GivesAFrameInPlace) {
  InterleavedScanner scanner;
  const Bytes bytes = test::frame(3, as_bytes("abc"));
  const auto found = scanner.next(bytes);
  EXPECT_EQ(found.kind, Kind::kFrame);
  EXPECT_EQ(found.channel, 3);
  EXPECT_EQ(found.size, 7U);
  EXPECT_EQ(found.payload.data(), bytes.data() + 4);
}

TEST(InterleavedScanner, WaitsForEveryByteOfAFrame) {
  InterleavedScanner scanner;
  const Bytes bytes = media_frame();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_EQ(scanner.next(ByteSpan(bytes).first(size)).kind, Kind::kNeedMore) << size;
  }
}

TEST(InterleavedScanner, TakesTheLargestFrame) {
  InterleavedScanner scanner;
  const Bytes bytes = test::frame(0, Bytes(65'535));
  EXPECT_EQ(scanner.next(bytes).size, InterleavedScanner::kMaxFrameBytes);
}

TEST(InterleavedScanner, TakesAnUnknownChannelByItsLengthWhileInStep) {
  InterleavedScanner scanner;
  scanner.set_known_channel(0);
  EXPECT_EQ(channels_in(scanner, concatenated({media_frame(9), media_frame(0)})),
            (std::vector<int>{9, 0}));
}

TEST(InterleavedScanner, LeavesMessagesToTheirParser) {
  InterleavedScanner scanner;
  const auto found = scanner.next(as_bytes("RTSP/1.0 200 OK\r\n"));
  EXPECT_EQ(found.kind, Kind::kMessage);
  EXPECT_EQ(found.size, 0U);
}

TEST(InterleavedScanner, SkipsBlankLinesWithoutFault) {
  InterleavedScanner scanner;
  const auto found = scanner.next(as_bytes("\r\n\r\n$"));
  EXPECT_EQ(found.kind, Kind::kBlank);
  EXPECT_EQ(found.size, 4U);
  EXPECT_TRUE(scanner.is_in_step());
}

TEST(InterleavedScanner, Cam24_ComesBackIntoStepAfterJunkAndCountsIt) {
  InterleavedScanner scanner;
  scanner.set_known_channel(0);
  std::size_t junk = 0;
  // The junk holds a '$' on an unknown channel and one that announces no RTP.
  const Bytes bytes =
      concatenated({bytes_of(std::string_view("\x01\x02$\x77\x01\x01xx$\0\0\x08junk", 16)),
                    media_frame(0), media_frame(0)});
  EXPECT_EQ(channels_in(scanner, bytes, &junk), (std::vector<int>{0, 0}));
  EXPECT_EQ(junk, 16U);
}

TEST(InterleavedScanner, ComesBackIntoStepAtAMessage) {
  InterleavedScanner scanner;
  Bytes bytes = bytes_of("xyzRTSP/1.0 200 OK\r\n");
  const auto junk = scanner.next(bytes);
  EXPECT_EQ(junk.kind, Kind::kJunk);
  EXPECT_EQ(scanner.next(ByteSpan(bytes).subspan(junk.size)).kind, Kind::kMessage);
  EXPECT_TRUE(scanner.is_in_step());
}

}  // namespace
}  // namespace longtake::rtsp
