#include "server/api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "server/fake_archive.h"
#include "server/openapi.h"

namespace longtake::server {
namespace {

using nlohmann::json;

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    fill(archive_);
    archive_.files = &files_;
    archive_.add_segment({.run = {0x10}, .sequence = 1}, "0123456789", false);
    archive_.add_segment({.run = {0x10}, .sequence = 2}, "abc", true);
  }

  Response ask(std::string_view target, std::string_view fields = "",
               std::string_view method = "GET") {
    const auto request =
        parse_head(std::string(method) + " " + std::string(target) +
                   " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n");
    EXPECT_TRUE(request) << target;
    return dispatch(api_, authority_, *request);
  }
  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }

  base::MemoryFileSystem files_;
  FakeArchive archive_;
  FakeCameras cameras_;
  base::Metrics metrics_;
  base::ManualClock clock_{*parse_wall_time("2026-02-01T00:00:00Z")};
  Authority authority_;
  Api api_{archive_, cameras_, metrics_, clock_};
};

/// Whether a value has the shape a schema of the description gives it: types, required members, no others.
::testing::AssertionResult conforms(const json& value, const json& schema, const json& schemas) {
  if (schema.contains("$ref")) {
    const std::string name =
        schema["$ref"].get<std::string>().substr(std::string("#/components/schemas/").size());
    return conforms(value, schemas.at(name), schemas);
  }
  const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
  const std::string type = value.is_null()      ? "null"
                           : value.is_object()  ? "object"
                           : value.is_array()   ? "array"
                           : value.is_string()  ? "string"
                           : value.is_boolean() ? "boolean"
                                                : "integer";
  if (std::find(types.begin(), types.end(), type) == types.end())
    return ::testing::AssertionFailure() << value << " is no " << types;
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    return ::testing::AssertionFailure() << value << " is none of " << schema["enum"];
  }
  if (value.is_array()) {
    for (const json& item : value) {
      if (auto result = conforms(item, schema["items"], schemas); !result) return result;
    }
  }
  if (value.is_object()) {
    for (const auto& name : schema.value("required", json::array())) {
      if (!value.contains(name)) return ::testing::AssertionFailure() << value << " lacks " << name;
    }
    for (const auto& [name, member] : value.items()) {
      if (!schema["properties"].contains(name))
        return ::testing::AssertionFailure() << name << " is not described";
      if (auto result = conforms(member, schema["properties"][name], schemas); !result)
        return result;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST_F(ApiTest, EveryRouteIsDescribedAndAnswersAsDescribed) {
  const json document = json::parse(openapi_text());
  const std::map<std::string, std::string> examples = {
      {"name", "front"}, {"id", "10-1"}, {"kind", "video"}, {"hash", "00"},
      {"run", "16"},     {"track", "1"}, {"range", "0-1"}};
  ASSERT_EQ(document["paths"].size(), routes().size());
  for (const Route& route : routes()) {
    const std::string path(route.path);
    ASSERT_TRUE(document["paths"].contains(path)) << path;
    std::string target = path;
    for (const auto& [name, value] : examples) {
      const std::string mark = "{" + name + "}";
      if (const auto at = target.find(mark); at != std::string::npos)
        target.replace(at, mark.size(), value);
    }
    const Response response = ask(target);
    if (!route.query.empty() && !route.content_type.ends_with("json")) {
      // What is played is tested where there is something to play; here there is nothing.
      EXPECT_TRUE(response.status == 400 || response.status == 404 || response.status == 503)
          << target << response.text;
      continue;
    }
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.content_type, route.content_type) << target;
    if (route.schema.empty()) continue;
    const json& schemas = document["components"]["schemas"];
    EXPECT_TRUE(
        conforms(json::parse(response.text), schemas.at(std::string(route.schema)), schemas))
        << target;
  }
}

TEST_F(ApiTest, DescriptionNamesEveryReasonAndEveryErrorCode) {
  const json schemas = json::parse(openapi_text())["components"]["schemas"];
  const auto has = [](const json& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (const media::ReasonEntry& entry : media::reason_table())
    EXPECT_TRUE(has(schemas["Reason"]["enum"], entry.name)) << entry.name;
  const json& codes = schemas["Error"]["properties"]["error"]["properties"]["code"]["enum"];
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code)
    EXPECT_TRUE(has(codes, to_string(static_cast<ErrorCode>(code)))) << code;
}

TEST_F(ApiTest, DescriptionTellsWhatAFileCanAnswer) {
  const json file = json::parse(
      openapi_text())["paths"]["/api/v1/recordings/{name}/segments/{id}.mp4"]["get"]["responses"];
  for (const char* status : {"200", "206", "304", "404", "416", "503"})
    EXPECT_TRUE(file.contains(status)) << status;
}

TEST_F(ApiTest, RecordingShowsItsCameraAndNeverItsUser) {
  const json front = json::parse(ask("/api/v1/recordings/front").text);
  EXPECT_EQ(front["name"], "front");
  EXPECT_EQ(front["state"], "recording");
  EXPECT_EQ(front["durableUntil"], "2026-01-31T12:59:00.000Z");
  EXPECT_EQ(front["tracks"][0]["width"], 1920);
  EXPECT_EQ(front["camera"]["url"], "rtsp://192.0.2.7/main");
  EXPECT_EQ(front["camera"]["packetsLost"], 7);
  const json old = json::parse(ask("/api/v1/recordings/old").text);
  EXPECT_TRUE(old["camera"].is_null());
  EXPECT_TRUE(old["first"].is_null());
}

TEST_F(ApiTest, UnknownRecordingIsNotFoundAndSaysWhereToLook) {
  for (const char* path : {"/api/v1/recordings/nobody", "/api/v1/recordings/nobody/timeline",
                           "/api/v1/recordings/nobody/segments"}) {
    const Response response = ask(path);
    EXPECT_EQ(response.status, 404) << path;
    const json body = json::parse(response.text);
    EXPECT_EQ(body["error"]["code"], "not_found");
    EXPECT_NE(body["error"]["message"].get<std::string>().find("nobody"), std::string::npos);
    EXPECT_TRUE(body["error"]["details"].is_array());
  }
}

TEST_F(ApiTest, TimelineDefaultsToTheLastDay) {
  EXPECT_EQ(ask("/api/v1/recordings/front/timeline").status, 200);
  EXPECT_EQ(to_string(archive_.asked.start), "2026-01-31T00:00:00.000Z");
  EXPECT_GE(archive_.asked.end, clock_.wall_now()) << "the archive cuts at its own now";
}

TEST_F(ApiTest, TimelineTakesThirtyOneDaysAndNoMore) {
  EXPECT_EQ(
      ask("/api/v1/recordings/front/timeline?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z")
          .status,
      200);
  EXPECT_EQ(
      ask("/api/v1/recordings/front/timeline?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00.001Z")
          .status,
      400);
  EXPECT_EQ(
      ask("/api/v1/recordings/front/timeline?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")
          .status,
      400);
  EXPECT_EQ(ask("/api/v1/recordings/front/timeline?from=yesterday").status, 400);
}

TEST_F(ApiTest, FromWithoutToMeansUntilNowOrIsRefused) {
  EXPECT_EQ(ask("/api/v1/recordings/front/timeline?from=2026-01-01T00:00:00Z").status, 200);
  EXPECT_GE(archive_.asked.end, clock_.wall_now());
  const Response longer = ask("/api/v1/recordings/front/timeline?from=2025-12-31T23:59:59Z");
  EXPECT_EQ(longer.status, 400) << "an answer that ends before now would look like nothing since";
  EXPECT_NE(longer.text.find("31 days"), std::string::npos);
  const Response later = ask("/api/v1/recordings/front/timeline?from=2026-02-01T00:00:01Z");
  EXPECT_EQ(later.status, 400);
  EXPECT_NE(later.text.find("is after now"), std::string::npos) << later.text;
}

TEST_F(ApiTest, AListThatIsTooLongIsRefusedNotCut) {
  const archive::SegmentInfo one{.id = {.run = {0x10}, .sequence = 3}, .range = {}};
  archive_.infos.assign(100'000, one);
  EXPECT_EQ(json::parse(ask("/api/v1/recordings/front/segments").text)["segments"].size(),
            100'000U);
  archive_.infos.push_back(one);
  EXPECT_EQ(ask("/api/v1/recordings/front/segments").status, 400);
}

TEST_F(ApiTest, OpenGapSaysSo) {
  const json timeline = json::parse(ask("/api/v1/recordings/front/timeline").text);
  EXPECT_EQ(timeline["gaps"][0]["reason"], "camera_disconnected");
  EXPECT_EQ(timeline["gaps"][0]["open"], true);
  EXPECT_EQ(timeline["degraded"][0]["count"], 5);
}

TEST_F(ApiTest, UnknownQueryParameterIsRefusedByName) {
  const Response response = ask("/api/v1/recordings/front/timeline?form=2026-01-01T00:00:00Z");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.text.find("form"), std::string::npos);
}

TEST_F(ApiTest, OtherMethodsAreRefusedWithWhatIsAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"}) {
    const Response response = ask("/api/v1/recordings", "", method);
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(header(response, "Allow"), "GET, HEAD");
  }
}

TEST_F(ApiTest, OddSpellingsOfAPathFindNothing) {
  for (const char* path :
       {"/api/v1/recordings/", "/api//v1/recordings", "/API/v1/recordings",
        "/api/v1/recordings/front/segments/.mp4", "/api/v1/recordings/front/segments/10-1",
        "/api/v1/recordings/front/segments/10-1.mp4/x"}) {
    EXPECT_EQ(ask(path).status, 404) << path;
  }
}

TEST_F(ApiTest, ClosedSegmentIsCachedForEverAndOpenOneNever) {
  const Response closed = ask("/api/v1/recordings/front/segments/10-1.mp4");
  EXPECT_EQ(closed.status, 200);
  EXPECT_EQ(closed.body_bytes(), 10U);
  EXPECT_NE(header(closed, "Cache-Control").find("immutable"), std::string::npos);
  EXPECT_EQ(ask("/api/v1/recordings/front/segments/10-1.mp4",
                "If-None-Match: " + header(closed, "ETag") + "\r\n")
                .status,
            304);
  for (const std::string& known :
       {"W/" + header(closed, "ETag"), "\"other\" , " + header(closed, "ETag"), std::string("*")}) {
    EXPECT_EQ(ask("/api/v1/recordings/front/segments/10-1.mp4", "If-None-Match: " + known + "\r\n")
                  .status,
              304)
        << known;
  }
  EXPECT_EQ(
      ask("/api/v1/recordings/front/segments/10-1.mp4", "If-None-Match: \"other\"\r\n").status,
      200);
  const Response open = ask("/api/v1/recordings/front/segments/10-2.mp4");
  EXPECT_EQ(open.body_bytes(), 3U);
  EXPECT_EQ(header(open, "ETag"), "");
}

TEST_F(ApiTest, SegmentIsServedInParts) {
  const Response part = ask("/api/v1/recordings/front/segments/10-1.mp4", "Range: bytes=2-4\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body_bytes(), 3U);
  EXPECT_EQ(header(part, "Content-Range"), "bytes 2-4/10");
  const Response refused =
      ask("/api/v1/recordings/front/segments/10-1.mp4", "Range: bytes=10-\r\n");
  EXPECT_EQ(refused.status, 416);
  EXPECT_EQ(header(refused, "Content-Range"), "bytes */10");
}

TEST_F(ApiTest, StaleIfRangeGetsTheWholeFile) {
  EXPECT_EQ(ask("/api/v1/recordings/front/segments/10-1.mp4",
                "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n")
                .status,
            200);
}

TEST_F(ApiTest, MetricsHoldTheCameras) {
  const std::string text = ask("/metrics").text;
  EXPECT_NE(text.find("longtake_camera_connected{camera=\"front\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("longtake_recording_bytes{recording=\"old\"}"), std::string::npos);
}

TEST_F(ApiTest, NotReadyWhileRecoveryRuns) {
  archive_.ready = false;
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_NE(header(ask("/readyz"), "Retry-After"), "");
  EXPECT_EQ(ask("/healthz").status, 200);
}

TEST_F(ApiTest, Sec10NamesOfOthersAreTextNeverMarkup) {
  const Response response = ask("/api/v1/recordings/%3Cscript%3E");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_NE(head_of(response, true, clock_.wall_now()).find("nosniff"), std::string::npos);
  EXPECT_NE(head_of(response, true, clock_.wall_now()).find("default-src 'none'"),
            std::string::npos);
}

}  // namespace
}  // namespace longtake::server
