#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <regex>
#include <string>
#include <thread>

#include "base/descriptor.h"

namespace longtake::base {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
  }
  std::string read_all() {
    writer = Descriptor();
    std::string text;
    std::array<char, 4096> chunk{};
    for (ssize_t got = 1; got > 0;) {
      got = ::read(reader.get(), chunk.data(), chunk.size());
      if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

  Descriptor reader;
  Descriptor writer;
};

TEST(Log, ALineIsTimeLevelEventAndFields) {
  Pipe pipe;
  {
    const auto logger = make_descriptor_logger(pipe.writer.get(), LogLevel::kInfo);
    LT_LOG(*logger, kInfo, "segment.closed", {"recording", "front door"}, {"bytes", 7'340'032},
           {"duration", milliseconds(30'000)}, {"is_cut", true});
  }
  EXPECT_THAT(pipe.read_all(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info "
                           "segment\\.closed recording=\"front door\" bytes=7340032 "
                           "duration=30\\.0s is_cut=true\n"));
}

TEST(Log, LinesBelowTheLevelAreNotMade) {
  Pipe pipe;
  {
    const auto logger = make_descriptor_logger(pipe.writer.get(), LogLevel::kWarning);
    int evaluated = 0;
    LT_LOG(*logger, kInfo, "quiet", {"n", ++evaluated});
    LT_LOG(*logger, kError, "loud", {"n", ++evaluated});
    logger->write(LogLevel::kDebug, "quiet", {});
    EXPECT_EQ(evaluated, 1);
  }
  const std::string text = pipe.read_all();
  EXPECT_THAT(text, HasSubstr(" error loud n=1\n"));
  EXPECT_THAT(text, Not(HasSubstr("quiet")));
}

// 20,000 lines into a pipe that holds fewer than 2,000, before anybody reads.
TEST(Log, AReaderWhoDoesNotReadCostsTheOldestLinesAndTheyAreCounted) {
  constexpr int kLines = 20'000;
  Pipe pipe;
  std::string text;
  auto logger = make_descriptor_logger(pipe.writer.get(), LogLevel::kInfo);
  for (int i = 0; i < kLines; ++i) LT_LOG(*logger, kInfo, "line", {"n", i});
  {
    std::jthread reader([&] {
      std::array<char, 4096> chunk{};
      for (ssize_t got = 1; got > 0;) {
        got = ::read(pipe.reader.get(), chunk.data(), chunk.size());
        if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
      }
    });
    logger.reset();
    pipe.writer = Descriptor();
  }
  const std::regex dropped_line("log.dropped lines=([0-9]+)");
  int dropped = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), dropped_line), end; it != end; ++it) {
    dropped += std::stoi((*it)[1]);
  }
  int written = 0;
  for (std::size_t at = 0; (at = text.find(" line n=", at)) != std::string::npos; ++at) ++written;
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(written + dropped, kLines);
  EXPECT_THAT(text, HasSubstr(" line n=19999\n"));
}

struct EscapeCase {
  std::string_view value;
  std::string_view escaped;
};
class LogEscape : public testing::TestWithParam<EscapeCase> {};

TEST_P(LogEscape, KeepsAValueOneValueOnOneLine) {
  EXPECT_EQ(escape_log_value(GetParam().value), GetParam().escaped);
}
INSTANTIATE_TEST_SUITE_P(
    Log, LogEscape,
    testing::Values(EscapeCase{"front-door", "front-door"}, EscapeCase{"", R"("")"},
                    EscapeCase{"a b", R"("a b")"}, EscapeCase{"a=b", R"("a=b")"},
                    EscapeCase{R"(say "hi" \)", R"("say \"hi\" \\")"},
                    EscapeCase{"a\nlevel=error", R"("a\nlevel=error")"},
                    EscapeCase{"\r\t\x1b[2J\x7f", R"("\r\t\x1b[2J\x7f")"},
                    EscapeCase{std::string_view("\0", 1), R"("\x00")"},
                    EscapeCase{"T\xc3\xbcr", "\"T\xc3\xbcr\""},         // valid UTF-8 stays
                    EscapeCase{"\xc2\x9b", R"("\u009b")"},              // a C1 control: CSI
                    EscapeCase{"\xff\xc3", R"("\xff\xc3")"},            // no UTF-8
                    EscapeCase{"\xc0\xaf", R"("\xc0\xaf")"},            // overlong
                    EscapeCase{"\xed\xa0\x80", R"("\xed\xa0\x80")"}));  // a surrogate

TEST(Log, AValueOfExactlyOneKibibyteIsKeptAndALongerOneCut) {
  const std::string longest(1'024, 'a');
  EXPECT_EQ(escape_log_value(longest), longest);
  const std::string cut = escape_log_value(longest + 'a');
  EXPECT_LE(cut.size(), 1'024U);
  EXPECT_TRUE(cut.ends_with("aaa...\""));
}

TEST(Log, ACutNeverSplitsACharacter) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "\xe2\x82\xac";
  for (int lead = 0; lead < 3; ++lead) {
    const std::string cut =
        escape_log_value(std::string(static_cast<std::size_t>(lead), 'a') + text);
    EXPECT_LE(cut.size(), 1'024U);
    EXPECT_TRUE(cut.ends_with("\xe2\x82\xac...\""));
    EXPECT_THAT(cut, Not(HasSubstr("\\x")));
  }
}

RC_GTEST_PROP(Log, AnyValueBecomesPrintableAndShort, (const std::string& value)) {
  const std::string escaped = escape_log_value(value + value + value);
  RC_ASSERT(escaped.size() <= 1'024U);
  for (const char c : escaped) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

TEST(Log, LevelsAreReadByName) {
  EXPECT_EQ(parse_log_level("warning").value(), LogLevel::kWarning);
  const auto unknown = parse_log_level("verbose");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message(), HasSubstr("verbose"));
  EXPECT_THAT(unknown.error().message(), HasSubstr("trace, debug, info"));
}

}  // namespace
}  // namespace longtake::base
