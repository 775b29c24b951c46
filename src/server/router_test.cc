#include "server/router.h"

#include <gtest/gtest.h>

#include "server/http_request.h"

namespace longtake::server {
namespace {

HttpRequest with(std::string_view host, std::string_view origin) {
  HttpRequest request;
  request.fields.emplace("host", host);
  if (!origin.empty()) request.fields.emplace("origin", origin);
  return request;
}

TEST(Router, AnswersToTheNamesOfThisMachine) {
  for (const char* host : {"127.0.0.1:8080", "localhost", "localhost:9999", "[::1]:8080"}) {
    EXPECT_FALSE(refuse_foreign(with(host, ""))) << host;
  }
}

TEST(Router, RefusesANameThatOnlyResolvesHere) {
  for (const char* host : {"evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example",
                           "", "0.0.0.0:8080"}) {
    const auto refusal = refuse_foreign(with(host, ""));
    ASSERT_TRUE(refusal) << host;
    EXPECT_EQ(refusal->status, 403);
  }
}

TEST(Router, RefusesPagesOfOtherOrigins) {
  EXPECT_TRUE(refuse_foreign(with("127.0.0.1:8080", "https://evil.example")));
  EXPECT_TRUE(refuse_foreign(with("127.0.0.1:8080", "null")));
  EXPECT_TRUE(refuse_foreign(with("127.0.0.1:8080", "http://127.0.0.1:3000")))
      << "another server of this machine";
  EXPECT_TRUE(refuse_foreign(with("127.0.0.1:8080", "http://localhost:8080")));
  EXPECT_FALSE(refuse_foreign(with("127.0.0.1:8080", "http://127.0.0.1:8080")));
  EXPECT_FALSE(refuse_foreign(with("LocalHost:8080", "http://localhost:8080")));
}

}  // namespace
}  // namespace longtake::server
