#include "rtsp/message.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace longtake::rtsp {
namespace {

/// Feeds the text in pieces of `step` bytes; the message, or the error's text.
Result<Message> parse(std::string_view text, std::size_t step = 4096) {
  MessageParser parser;
  while (!text.empty() && !parser.is_complete()) {
    const auto taken = parser.consume(as_bytes(text.substr(0, step)));
    if (!taken) return std::unexpected(taken.error());
    text.remove_prefix(*taken);
  }
  if (!parser.is_complete()) return fail(ErrorCode::kUnavailable, "not complete");
  return parser.take();
}

constexpr std::string_view kAnswer =
    "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: "
    "5\r\n\r\nv=0\r\n";

TEST(RtspMessage, ReadsAnAnswerWithABody) {
  const auto message = parse(kAnswer);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->status, 200U);
  EXPECT_EQ(message->phrase, "OK");
  EXPECT_EQ(message->header("cseq"), "2");
  EXPECT_EQ(message->body, "v=0\r\n");
}

TEST(RtspMessage, Cam03_ReadsAnAnswerThatComesByteByByte) {
  const auto message = parse(kAnswer, 1);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->body, "v=0\r\n");
}

TEST(RtspMessage, StopsBehindTheMessage) {
  MessageParser parser;
  const std::string text = std::string(kAnswer) + "$";
  EXPECT_EQ(parser.consume(as_bytes(text)).value(), kAnswer.size());
}

TEST(RtspMessage, ReadsTwoMessagesInARow) {
  MessageParser parser;
  ASSERT_TRUE(parser.consume(as_bytes(kAnswer)).has_value());
  parser.take();
  EXPECT_FALSE(parser.is_inside());
  ASSERT_TRUE(parser.consume(as_bytes("RTSP/1.0 404 Not Found\r\n\r\n")).has_value());
  EXPECT_EQ(parser.take().status, 404U);
}

TEST(RtspMessage, ReadsARequestOfTheServer) {
  const auto message = parse("OPTIONS rtsp://192.0.2.7/ RTSP/1.0\r\nCSeq: 7\r\n\r\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(message->is_request);
  EXPECT_EQ(message->method, "OPTIONS");
}

TEST(RtspMessage, ToleratesBareLineFeedsBlankLinesAndFolding) {
  const auto message = parse("\r\n\nRTSP/1.0 200\nTransport: RTP/AVP;\n  interleaved=0-1\n\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->header("Transport"), "RTP/AVP; interleaved=0-1");
}

TEST(RtspMessage, FindsEveryHeaderOfAName) {
  const auto message = parse(
      "RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic a\r\nwww-authenticate: Digest "
      "b\r\n\r\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->all_headers("WWW-Authenticate").size(), 2U);
}

TEST(RtspMessage, SaysThatAnHttpServerAnswered) {
  const auto message = parse("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_FALSE(message.has_value());
  EXPECT_NE(message.error().message().find("an HTTP server answered"), std::string::npos);
}

TEST(RtspMessage, RefusesAStatusLineWithoutAStatus) {
  EXPECT_FALSE(parse("RTSP/1.0 OK\r\n\r\n").has_value());
  EXPECT_FALSE(parse("RTSP/1.0 20000 OK\r\n\r\n").has_value());
}

TEST(RtspMessage, RefusesAContentLengthThatIsNoNumber) {
  EXPECT_FALSE(parse("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n").has_value());
}

// Each limit: one below and at it passes, one above is refused as kResourceExhausted.
enum class Verdict { kPasses, kRefused };
struct LimitCase {
  std::string_view name;
  std::string text;
  Verdict verdict;
};

std::string with_line(std::size_t bytes) {
  const std::string name = "X: ";
  return "RTSP/1.0 200 OK\r\n" + name + std::string(bytes - name.size(), 'a') + "\r\n\r\n";
}
std::string with_headers(std::size_t count) {
  std::string text = "RTSP/1.0 200 OK\r\n";
  for (std::size_t i = 0; i < count; ++i) text += "A: b\r\n";
  return text + "\r\n";
}
std::string with_header_bytes(std::size_t bytes) {
  std::string text = "RTSP/1.0 200 OK\r\n";
  while (text.size() + 2 < bytes) {
    const std::size_t line = std::min<std::size_t>(bytes - 2 - text.size(), 4000);
    text += "X:" + std::string(line - 4, 'a') + "\r\n";
  }
  return text + "\r\n";
}
std::string with_body(std::size_t bytes) {
  return "RTSP/1.0 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
         std::string(bytes, 'b');
}

class RtspLimit : public testing::TestWithParam<LimitCase> {};

TEST_P(RtspLimit, Cam04_HoldsExactly) {
  for (const std::size_t step : {std::size_t{1000}, GetParam().text.size()}) {
    const auto message = parse(GetParam().text, step);
    ASSERT_EQ(message.has_value(), GetParam().verdict == Verdict::kPasses) << step;
    if (!message) {
      EXPECT_EQ(message.error().code(), ErrorCode::kResourceExhausted) << message.error().message();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    RtspMessage, RtspLimit,
    testing::Values(
        LimitCase{"LineBelow", with_line(limits::kRtspLineBytes - 1), Verdict::kPasses},
        LimitCase{"LineAt", with_line(limits::kRtspLineBytes), Verdict::kPasses},
        LimitCase{"LineAbove", with_line(limits::kRtspLineBytes + 1), Verdict::kRefused},
        LimitCase{"CountBelow", with_headers(limits::kRtspHeaderCount - 1), Verdict::kPasses},
        LimitCase{"CountAt", with_headers(limits::kRtspHeaderCount), Verdict::kPasses},
        LimitCase{"CountAbove", with_headers(limits::kRtspHeaderCount + 1), Verdict::kRefused},
        LimitCase{"BytesBelow", with_header_bytes(limits::kRtspHeaderBytes - 1), Verdict::kPasses},
        LimitCase{"BytesAt", with_header_bytes(limits::kRtspHeaderBytes), Verdict::kPasses},
        LimitCase{"BytesAbove", with_header_bytes(limits::kRtspHeaderBytes + 1), Verdict::kRefused},
        LimitCase{"BodyBelow", with_body(limits::kRtspBodyBytes - 1), Verdict::kPasses},
        LimitCase{"BodyAt", with_body(limits::kRtspBodyBytes), Verdict::kPasses},
        LimitCase{"BodyAbove", with_body(limits::kRtspBodyBytes + 1), Verdict::kRefused}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(RtspMessage, Cam04_RefusesAHugeContentLengthBeforeAnyOfTheBodyCame) {
  EXPECT_EQ(parse("RTSP/1.0 200 OK\r\nContent-Length: 1073741824\r\n\r\n").error().code(),
            ErrorCode::kResourceExhausted);
}

TEST(RtspMessage, Cam04_RefusesALineThatNeverEnds) {
  EXPECT_EQ(parse(std::string(20'000, 'R'), 100).error().code(), ErrorCode::kResourceExhausted);
}

TEST(StartsMessage, KnowsAnswersAndRequestsAndAsksForMoreWhenUnsure) {
  EXPECT_EQ(starts_message(as_bytes("RTSP/1.0 200")), StartsMessage::kYes);
  EXPECT_EQ(starts_message(as_bytes("ANNOUNCE rtsp")), StartsMessage::kYes);
  EXPECT_EQ(starts_message(as_bytes("RT")), StartsMessage::kNeedMore);
  EXPECT_EQ(starts_message(as_bytes("SSH-2.0")), StartsMessage::kNo);
  EXPECT_EQ(starts_message(as_bytes("$")), StartsMessage::kNo);
}

}  // namespace
}  // namespace longtake::rtsp
