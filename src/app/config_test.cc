#include "app/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace longtake::app {
namespace {

constexpr std::string_view kWhole = R"(
data = "/srv/video"
listen = "127.0.0.1:9000"
segment_length = "PT30S"
keep = "30d"
max_total_size = "500GB"
min_free = "10GiB"

[[camera]]
name = "front"
url = "rtsp://192.0.2.7/main"
username = "viewer"
password = "opensesame"
keep = "7d"
max_size = "200GB"

[[camera]]
name = "back-2"
url = "rtsp://192.0.2.8/main"
segment_length = "5m"
)";

Result<Config> parse(std::string_view text, const Flags& flags = {}) {
  return parse_config(text, "longtake.toml", flags);
}
std::string error_of(std::string_view text, const Flags& flags = {}) {
  const auto config = parse(text, flags);
  return config ? "" : config.error().message();
}

TEST(Config, IsReadWhole) {
  const auto config = parse(kWhole);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->data, "/srv/video");
  EXPECT_EQ(config->max_total_bytes, 500'000'000'000U);
  EXPECT_EQ(config->min_free_bytes, 10ULL << 30U);
  EXPECT_EQ(config->min_free_percent, 0U);
  ASSERT_EQ(config->cameras.size(), 2U);
  EXPECT_EQ(config->cameras[0].password->reveal(), "opensesame");
  const auto front = config->recording_of(config->cameras[0]);
  EXPECT_EQ(front.keep, std::chrono::hours(24 * 7));
  EXPECT_EQ(front.max_size_bytes, 200'000'000'000U);
  EXPECT_EQ(front.segment_length, seconds(30));
  const auto back = config->recording_of(config->cameras[1]);
  EXPECT_EQ(back.keep, std::chrono::hours(24 * 30));
  EXPECT_EQ(back.segment_length, std::chrono::minutes(5));
}

TEST(Config, FlagsWinOverTheFile) {
  Flags flags;
  flags.data = "elsewhere";
  flags.keep = "1d";
  flags.cameras = {"front=rtsp://198.51.100.1/x", "new=rtsp://198.51.100.2/y?a=b"};
  const auto config = parse(kWhole, flags);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->data, "elsewhere");
  EXPECT_EQ(config->keep, std::chrono::hours(24));
  ASSERT_EQ(config->cameras.size(), 3U);
  EXPECT_EQ(config->cameras[0].url.reveal(), "rtsp://198.51.100.1/x");
  EXPECT_EQ(config->cameras[0].keep, std::chrono::hours(24 * 7));
  EXPECT_EQ(config->cameras[2].url.reveal(), "rtsp://198.51.100.2/y?a=b");
}

TEST(Config, UnknownKeyNamesItsLineAndTheNearestKnownOne) {
  EXPECT_EQ(error_of("data = \"d\"\nseg_length = \"30s\"\n"),
            "longtake.toml:2: unknown key \"seg_length\"; did you mean \"segment_length\"?");
  const std::string camera =
      error_of("data = \"d\"\n[[camera]]\nname = \"a\"\nurl = \"rtsp://h/\"\npasword = \"x\"\n");
  EXPECT_EQ(camera, "longtake.toml:5: unknown key \"pasword\"; did you mean \"password\"?");
}

TEST(Config, AllProblemsAreToldAtOnce) {
  const std::string error = error_of(
      "keep = \"soon\"\nmax_total_size = \"lots\"\n[[camera]]\nname = \"a b\"\nurl = "
      "\"http://h/\"\n");
  for (const char* part :
       {"longtake.toml:1:", "longtake.toml:2:", "no data folder", "a b", "rtsp://"}) {
    EXPECT_NE(error.find(part), std::string::npos) << part << " in " << error;
  }
}

TEST(Config, BrokenTomlNamesItsLine) {
  EXPECT_NE(error_of("data = \"d\"\nkeep = 7d\n").find("longtake.toml:2"), std::string::npos);
}

TEST(Config, TwoCamerasMayNotShareAName) {
  EXPECT_NE(error_of("data = "
                     "\"d\"\n[[camera]]\nname=\"a\"\nurl=\"rtsp://x/"
                     "\"\n[[camera]]\nname=\"a\"\nurl=\"rtsp://y/\"\n")
                .find("two cameras are called \"a\""),
            std::string::npos);
}

TEST(Config, CameraFlagWithoutNameIsRefusedWithoutRepeatingIt) {
  Flags flags;
  flags.data = "d";
  flags.cameras = {"rtsp://user:topsecret@host/"};
  const std::string error = error_of("", flags);
  EXPECT_NE(error.find("NAME=rtsp://"), std::string::npos);
  EXPECT_EQ(error.find("topsecret"), std::string::npos);
}

TEST(Config, Sec13NoErrorRepeatsAPassword) {
  const std::string error = error_of(
      "data = "
      "\"d\"\nkeep=\"x\"\n[[camera]]\nname=\"a\"\nurl=\"http://u:canary1@h/"
      "\"\npassword=\"canary2\"\npassword_env=\"NOT_SET_ANYWHERE\"\n");
  EXPECT_FALSE(error.empty());
  EXPECT_EQ(error.find("canary"), std::string::npos) << error;
}

TEST(Config, PasswordComesFromAFileOrTheEnvironment) {
  const auto path =
      std::filesystem::temp_directory_path() / ("longtake-password-" + std::to_string(::getpid()));
  std::ofstream(path) << "from-file\n";
  ::setenv("LONGTAKE_TEST_PASSWORD", "from-env", 1);
  const auto config = parse(
      "data=\"d\"\n[[camera]]\nname=\"a\"\nurl=\"rtsp://x/\"\npassword_file=\"" + path.string() +
      "\"\n[[camera]]\nname=\"b\"\nurl=\"rtsp://y/\"\npassword_env=\"LONGTAKE_TEST_PASSWORD\"\n");
  std::filesystem::remove(path);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->cameras[0].password->reveal(), "from-file");
  EXPECT_EQ(config->cameras[1].password->reveal(), "from-env");
}

TEST(Config, PasswordFileThatHoldsNoneIsAProblem) {
  const auto empty =
      std::filesystem::temp_directory_path() / ("longtake-empty-" + std::to_string(::getpid()));
  std::ofstream(empty) << "\n";
  const auto large =
      std::filesystem::temp_directory_path() / ("longtake-large-" + std::to_string(::getpid()));
  std::ofstream(large) << std::string(5000, 'x');
  const auto error_with = [](const std::string& path) {
    return error_of("data=\"d\"\n[[camera]]\nname=\"a\"\nurl=\"rtsp://x/\"\npassword_file=\"" +
                    path + "\"\n");
  };
  EXPECT_NE(error_with(empty.string()).find("is empty"), std::string::npos);
  EXPECT_NE(error_with(large.string()).find("larger than"), std::string::npos)
      << "half a password is none";
  EXPECT_NE(error_with("/tmp").find("is a folder"), std::string::npos);
  EXPECT_NE(error_with("/nowhere").find("longtake.toml:5: cannot read /nowhere: No such file"),
            std::string::npos);
  std::filesystem::remove(empty);
  std::filesystem::remove(large);
}

TEST(Config, UrlThatCanNeverWorkIsAProblemOfTheConfig) {
  for (const char* url :
       {"rtsp://u:canary@/x", "rtsp://u:canary@h:99999/x", "rtsp://u:can ary@h/"}) {
    const std::string error =
        error_of("data=\"d\"\n[[camera]]\nname=\"a\"\nurl=\"" + std::string(url) + "\"\n");
    EXPECT_NE(error.find("camera \"a\""), std::string::npos) << url;
    EXPECT_EQ(error.find("canary"), std::string::npos) << error;
  }
}

TEST(Config, KeyOfACameraAtTheTopIsToldWhereItBelongs) {
  EXPECT_NE(error_of("data=\"d\"\nmax_size=\"1GB\"\n").find("below a [[camera]]"),
            std::string::npos);
}

TEST(Config, IsReadFromAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  constexpr std::string_view kText = "data = \"from-a-pipe\"\n";
  ASSERT_EQ(::write(ends[1], kText.data(), kText.size()), static_cast<ssize_t>(kText.size()));
  ::close(ends[1]);
  Flags flags;
  flags.config_path = "/dev/fd/" + std::to_string(ends[0]);
  const auto config = load_config(flags);
  ::close(ends[0]);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->data, "from-a-pipe");
}

TEST(Config, FolderIsNoConfigFile) {
  Flags flags;
  flags.config_path = "/tmp";
  const auto config = load_config(flags);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message(), "config file: cannot read /tmp: it is a folder");
}

TEST(Config, SegmentLengthStaysWithinItsBounds) {
  EXPECT_EQ(error_of("data=\"d\"\nsegment_length=\"5m\"\n"), "");
  EXPECT_NE(error_of("data=\"d\"\nsegment_length=\"301s\"\n"), "");
  EXPECT_EQ(error_of("data=\"d\"\nsegment_length=\"1s\"\n"), "");
  EXPECT_NE(error_of("data=\"d\"\nsegment_length=\"PT0.5S\"\n"), "");
}

TEST(Size, TakesDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("500GB"), 500'000'000'000U);
  EXPECT_EQ(parse_size("2GiB"), 2ULL << 30U);
  EXPECT_EQ(parse_size("1048576"), 1048576U);
  for (const char* text :
       {"", "GB", "-1GB", "1.5GB", "99999999999999999999", "99999999TB", "5 parsecs"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

// Found by the fuzz target config: an assertion of toml++ ended the program.
TEST(Config, ATableHeaderWithoutAKeyIsAProblemOfItsLine) {
  EXPECT_TRUE(error_of("data = \"d\"\n[[:]]\n").starts_with("longtake.toml:2"))
      << error_of("data = \"d\"\n[[:]]\n");
}

// Found by the fuzz target config: toml++ takes such a letter for one that cannot be.
TEST(Config, AKeyWithALetterBeyondAsciiIsAProblemOfItsLine) {
  EXPECT_TRUE(error_of("data = \"d\"\ne\303\225e = 1\n").starts_with("longtake.toml:2"))
      << error_of("data = \"d\"\ne\303\225e = 1\n");
}

}  // namespace
}  // namespace longtake::app
