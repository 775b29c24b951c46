#include "rtsp/url.h"

#include <gtest/gtest.h>

#include <string>

namespace longtake::rtsp {
namespace {

struct UrlCase {
  std::string_view name;
  std::string_view text;
  std::string_view host;
  std::uint16_t port;
  std::string_view request_uri;
  std::string_view username;
  std::string_view password;
};

class UrlTable : public testing::TestWithParam<UrlCase> {};

TEST_P(UrlTable, IsReadInItsParts) {
  const auto camera = parse_camera_url(GetParam().text);
  ASSERT_TRUE(camera.has_value()) << camera.error().message();
  EXPECT_EQ(camera->url.host_port().host, GetParam().host);
  EXPECT_EQ(camera->url.host_port().port, GetParam().port);
  EXPECT_EQ(camera->url.request_uri(), GetParam().request_uri);
  EXPECT_EQ(camera->username, GetParam().username);
  EXPECT_EQ(camera->password.reveal(), GetParam().password);
}

INSTANTIATE_TEST_SUITE_P(
    CameraUrl, UrlTable,
    testing::Values(
        UrlCase{"Plain", "rtsp://192.0.2.7/main", "192.0.2.7", 554, "rtsp://192.0.2.7/main", "",
                ""},
        UrlCase{"Port", "RTSP://cam.example:8554/a/b?c=d", "cam.example", 8554,
                "rtsp://cam.example:8554/a/b?c=d", "", ""},
        UrlCase{"NoPath", "rtsp://cam", "cam", 554, "rtsp://cam", "", ""},
        UrlCase{"QueryOnly", "rtsp://cam?x=1", "cam", 554, "rtsp://cam/?x=1", "", ""},
        UrlCase{"Login", "rtsp://user:pass@cam/x", "cam", 554, "rtsp://cam/x", "user", "pass"},
        UrlCase{"EncodedLogin", "rtsp://us%65r:p%40ss%2F@cam/x", "cam", 554, "rtsp://cam/x", "user",
                "p@ss/"},
        UrlCase{"RawAt", "rtsp://user:p@ss:w@cam:80/x", "cam", 80, "rtsp://cam:80/x", "user",
                "p@ss:w"},
        UrlCase{"RawPercent", "rtsp://user:50%@cam/x", "cam", 554, "rtsp://cam/x", "user", "50%"},
        UrlCase{"UserOnly", "rtsp://user@cam/x", "cam", 554, "rtsp://cam/x", "user", ""},
        UrlCase{"Ipv6", "rtsp://[2001:db8::7]:8554/x", "2001:db8::7", 8554,
                "rtsp://[2001:db8::7]:8554/x", "", ""}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(CameraUrl, Sec13_NeverShowsALogin) {
  const auto camera =
      parse_camera_url("rtsp://user:canary@cam/x?channel=1&password=canary2&PWD=canary3");
  ASSERT_TRUE(camera.has_value());
  EXPECT_EQ(camera->url.display(), "rtsp://cam/x?channel=1&password=***&PWD=***");
  EXPECT_NE(camera->url.request_uri().find("canary2"), std::string::npos);
}

TEST(CameraUrl, Sec13_MasksALoginInsideThePath) {
  const auto camera = parse_camera_url("rtsp://cam/user=admin&password=canary&channel=1");
  ASSERT_TRUE(camera.has_value());
  EXPECT_EQ(camera->url.display(), "rtsp://cam/user=admin&password=***&channel=1");
}

class RefusedUrl : public testing::TestWithParam<std::string_view> {};

TEST_P(RefusedUrl, Sec13_IsRefusedWithASentenceThatRepeatsNothing) {
  const auto camera = parse_camera_url(GetParam());
  ASSERT_FALSE(camera.has_value());
  EXPECT_EQ(camera.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(camera.error().message().starts_with("camera URL: "));
  EXPECT_EQ(camera.error().message().find("canary"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(CameraUrl, RefusedUrl,
                         testing::Values("", "http://canary/", "rtsps://cam/canary", "rtsp://",
                                         "rtsp://:canary@/x", "rtsp://cam:0/", "rtsp://cam:65536/",
                                         "rtsp://cam:canary/", "rtsp://ca nary/",
                                         "rtsp://user:canary/x@cam/y",
                                         "rtsp://user:12/canary@cam/y", "rtsp://cam/\r\nX: y",
                                         "rtsp://[2001:db8::7/x", "rtsp://[canary]/x",
                                         "rtsp://[::1]canary/x", "rtsp://cam/\xc3\xa4"));

TEST(CameraUrl, IsRefusedBeyondFourKibibytes) {
  const std::string base = "rtsp://cam/";
  EXPECT_TRUE(parse_camera_url(base + std::string(4096 - base.size(), 'a')).has_value());
  EXPECT_FALSE(parse_camera_url(base + std::string(4097 - base.size(), 'a')).has_value());
}

TEST(ControlUri, IsAppendedToTheBaseUnlessAbsolute) {
  EXPECT_EQ(resolve_control("rtsp://cam/x", "trackID=1"), "rtsp://cam/x/trackID=1");
  EXPECT_EQ(resolve_control("rtsp://cam/x/", "trackID=1"), "rtsp://cam/x/trackID=1");
  EXPECT_EQ(resolve_control("rtsp://cam/x?a=b", "trackID=1"), "rtsp://cam/x?a=b/trackID=1");
  EXPECT_EQ(resolve_control("rtsp://cam/x", "?ctype=video"), "rtsp://cam/x?ctype=video");
  EXPECT_EQ(resolve_control("rtsp://cam/x/", "/trackID=1"), "rtsp://cam/x/trackID=1");
  EXPECT_EQ(resolve_control("rtsp://cam/x", "*"), "rtsp://cam/x");
  EXPECT_EQ(resolve_control("rtsp://cam/x", ""), "rtsp://cam/x");
  EXPECT_EQ(resolve_control("rtsp://cam/x", "rtsp://user:pw@cam/y"), "rtsp://cam/y");
}

}  // namespace
}  // namespace longtake::rtsp
