#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "isobmff/format.h"
#include "isobmff/index_text.h"
#include "isobmff/reader.h"
#include "isobmff/span_file.h"
#include "isobmff/verify.h"

/// HOST-26: files of every version there ever was, as its program wrote them (judge_test.cc, MakesTheFixture), read as on
/// their first day. They are never made again: whoever changes the format adds one.
namespace longtake::isobmff {
namespace {

std::string content_of(const std::string& name) {
  std::ifstream file(std::filesystem::path(LONGTAKE_SOURCE_DIR) / "src/isobmff/testdata" / name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class OldVersion : public testing::TestWithParam<int> {
 protected:
  std::string media_ = content_of("segment_v" + std::to_string(GetParam()) + ".mp4");
  std::string text_ = content_of("segment_v" + std::to_string(GetParam()) + ".txt");
};

TEST_P(OldVersion, Host26_ReadsFromItsSummary) {
  ASSERT_FALSE(media_.empty());
  SpanFile file(as_bytes(media_));
  const ReadIndex read = read_index(file).value();
  EXPECT_EQ(read.source, IndexSource::kSummary);
  EXPECT_EQ(index_text(as_bytes(media_), read.index), text_);
}

TEST_P(OldVersion, Host26_ReadsFromItsRecords) {
  const Walk walked = walk(as_bytes(media_), Check::kAll).value();
  EXPECT_EQ(walked.stop, Stop::kClosing);
  EXPECT_EQ(index_text(as_bytes(media_), walked.index), text_);
}

TEST_P(OldVersion, Host26_IsWellInTheEyesOfVerify) {
  SpanFile file(as_bytes(media_));
  const Verdict verdict = verify(file).value();
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_TRUE(verdict.is_closed);
}

INSTANTIATE_TEST_SUITE_P(Segment, OldVersion, testing::Range(1, kRecordVersion + 1));

}  // namespace
}  // namespace longtake::isobmff
