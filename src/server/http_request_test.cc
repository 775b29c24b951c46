#include "server/http_request.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace longtake::server {
namespace {

std::string get(std::string_view target, std::string_view more = "") {
  return std::string("GET ") + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(more) + "\r\n";
}

TEST(HttpRequest, IsReadWithPathQueryAndFields) {
  const auto request =
      parse_head(get("/api/v1/recordings/front/timeline?from=2026-01-31T00%3A00%3A00Z&to=x",
                     "Range: bytes=0-1\r\n"));
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path,
            (std::vector<std::string>{"api", "v1", "recordings", "front", "timeline"}));
  EXPECT_EQ(request->query.at("from"), "2026-01-31T00:00:00Z");
  EXPECT_EQ(request->query.at("to"), "x");
  EXPECT_EQ(request->field("range"), "bytes=0-1");
  EXPECT_TRUE(request->is_keep_alive);
}

TEST(HttpRequest, ClosesWhenAskedTo) {
  EXPECT_FALSE(parse_head(get("/", "Connection: close\r\n"))->is_keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n")->is_keep_alive);
}

TEST(HttpRequest, EndOfHeadIsFoundOnlyWhenItIsWhole) {
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\r\n\r\nrest"), 18U);
  EXPECT_EQ(find_head_end("GET / HTTP/1.1\r\nHost: a\r\n"), std::nullopt);
}

TEST(HttpRequest, HeadAtTheLimitIsReadAndOneByteMoreRefused) {
  const std::string shell = get("/", "X: \r\n");
  const std::string fits =
      get("/", "X: " + std::string(limits::kHttpHeaderBytes - shell.size(), 'a') + "\r\n");
  ASSERT_EQ(fits.size(), limits::kHttpHeaderBytes);
  EXPECT_TRUE(parse_head(fits)) << parse_head(fits).error().message();
  const std::string over =
      get("/", "X: " + std::string(limits::kHttpHeaderBytes - shell.size() + 1, 'a') + "\r\n");
  EXPECT_FALSE(parse_head(over));
}

TEST(HttpRequest, TargetAtTheLimitIsReadAndOneByteMoreRefused) {
  EXPECT_TRUE(parse_head(get("/" + std::string(limits::kHttpTargetBytes - 1, 'a'))));
  EXPECT_FALSE(parse_head(get("/" + std::string(limits::kHttpTargetBytes, 'a'))));
}

// Each could be understood differently by a proxy and by us, or leaves the tree.
struct Refused {
  std::string name;
  std::string head;
};

class RefusedHead : public testing::TestWithParam<Refused> {};

TEST_P(RefusedHead, IsRefused) { EXPECT_FALSE(parse_head(GetParam().head)); }

INSTANTIATE_TEST_SUITE_P(
    Sec07, RefusedHead,
    testing::Values(
        Refused{"ContentLengthAndChunked",
                get("/", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
        Refused{"Chunked", get("/", "Transfer-Encoding: chunked\r\n")},
        Refused{"ChunkedWithTab", get("/", "Transfer-Encoding:\tchunked\r\n")},
        Refused{"ChunkedObscured", get("/", "Transfer-Encoding: xchunked\r\n")},
        Refused{"TwoContentLengths", get("/", "Content-Length: 5\r\nContent-Length: 6\r\n")},
        Refused{"TwoEqualContentLengths", get("/", "Content-Length: 5\r\nContent-Length: 5\r\n")},
        Refused{"ListOfContentLengths", get("/", "Content-Length: 5, 5\r\n")},
        Refused{"SignedContentLength", get("/", "Content-Length: +5\r\n")},
        Refused{"NegativeContentLength", get("/", "Content-Length: -5\r\n")},
        Refused{"HexContentLength", get("/", "Content-Length: 0x5\r\n")},
        Refused{"HugeContentLength", get("/", "Content-Length: 99999999999999999999\r\n")},
        Refused{"FoldedLine", get("/", "X: a\r\n b\r\n")},
        Refused{"FoldedLineByTab", get("/", "X: a\r\n\tb\r\n")},
        Refused{"BareLineFeed", "GET / HTTP/1.1\nHost: a\n\n"},
        Refused{"BareLineFeedInside", get("/", "X: a\nContent-Length: 5\r\n")},
        Refused{"BareCarriageReturn", get("/", "X: a\rContent-Length: 5\r\n")},
        Refused{"SpaceBeforeColon", get("/", "Content-Length : 5\r\n")},
        Refused{"NoColon", get("/", "Content-Length 5\r\n")},
        Refused{"EmptyName", get("/", ": 5\r\n")},
        Refused{"VerticalTabInValue", get("/",
                                          "Transfer-Encoding: \x0b"
                                          "chunked\r\n")},
        Refused{"NulInValue", get("/", std::string("X: a\0b\r\n", 8))},
        Refused{"NulInName", get("/", std::string("X\0Y: a\r\n", 8))},
        Refused{"TwoHosts", get("/", "Host: other\r\n")},
        Refused{"NoHost", "GET / HTTP/1.1\r\n\r\n"},
        Refused{"NoVersion", "GET /\r\nHost: a\r\n\r\n"},
        Refused{"FutureVersion", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
        Refused{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        Refused{"LeadingEmptyLine", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        Refused{"RestBehindTheHead", get("/") + "GET / HTTP/1.1\r\n"}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Sec03, RefusedHead,
    testing::Values(
        Refused{"DotDot", get("/../etc/passwd")}, Refused{"DotDotInside", get("/api/../../x")},
        Refused{"EncodedDotDot", get("/%2e%2e/x")}, Refused{"HalfEncodedDotDot", get("/.%2E/x")},
        Refused{"Dot", get("/./x")}, Refused{"EncodedSlash", get("/api%2fv1")},
        Refused{"EncodedBackslash", get("/api%5cv1")}, Refused{"EncodedNul", get("/a%00.mp4")},
        Refused{"EncodedLineFeed", get("/a%0ab")}, Refused{"BrokenEncoding", get("/a%2")},
        Refused{"NoHex", get("/a%zz")}, Refused{"RawHighByte", get("/\xc0\xae")},
        Refused{"Absolute", get("http://localhost/x")}, Refused{"Asterisk", get("*")}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace longtake::server
