#include "app/recordings_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace longtake::app {
namespace {

using nlohmann::json;

TEST(RecordingsText, ShowsOneLineForEach) {
  const json answer = json::parse(R"({"recordings":[{"name":"front","state":"recording",
    "first":"2026-01-31T12:00:00.000Z","last":null,"bytes":1500,"camera":{"connected":true}}]})");
  const std::string text = recordings_text(answer);
  EXPECT_NE(text.find("front"), std::string::npos);
  EXPECT_NE(text.find("1.5 kB  connected\n"), std::string::npos) << text;
}

// Each ended the program by an exception: whoever answers at --url need not be a longtake.
TEST(RecordingsText, AnswersOfAnotherShapeAreDashes) {
  for (const char* answer :
       {"[]", "3", "null", R"({"recordings":3})", R"({"recordings":[1]})",
        R"({"recordings":[{"bytes":"x","camera":{"connected":"x"},"tracks":7}]})"}) {
    EXPECT_NE(recordings_text(json::parse(answer)).find("NAME"), std::string::npos) << answer;
    EXPECT_NE(recording_text(json::parse(answer), json::parse(answer)).find("state"),
              std::string::npos)
        << answer;
  }
  const json odd = json::parse(
      R"({"tracks":[1,{"width":"x"}],"camera":{"reconnects":"x"},"gaps":[1,{"open":1}],"degraded":[{"count":"x"}]})");
  EXPECT_NE(recording_text(odd, odd).find("degraded"), std::string::npos);
}

TEST(RecordingsText, Sec24NothingATerminalObeysIsShown) {
  const json answer = json::parse(
      R"({"recordings":[{"name":"\u001b[31mred","camera":{"lastError":"\u001b[2J\u009b2J\r\n\u007fgone"}}]})");
  for (const char c : recordings_text(answer))
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  EXPECT_EQ(recordings_text(answer).find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(recordings_text(answer).find("gone"), std::string::npos);
}

}  // namespace
}  // namespace longtake::app
