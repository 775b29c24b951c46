#include "isobmff/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/closing.h"
#include "isobmff/span_file.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Verdict verdict_of(ByteSpan bytes) {
  SpanFile file(bytes);
  return verify(file).value();
}

TestSegment closed_segment() {
  TestSegment segment;
  base::SeededRandom random(21);
  segment.add_seconds(3, random, 300);
  segment.close();
  return segment;
}

/// Makes the record's CRCs hold again after a change to the fragment, and mends nothing behind it.
void mend_crcs(Bytes& file, const media::FragmentEntry& entry) {
  ByteWriter out(file);
  const std::size_t at = entry.offset_bytes;
  const ByteSpan payload =
      ByteSpan(file).subspan(at + entry.record_bytes, entry.size_bytes - entry.record_bytes);
  out.patch_u32(at + 64, base::crc32c(payload));
  const ByteSpan record = ByteSpan(file).subspan(at, entry.record_bytes - kCrcBytes);
  out.patch_u32(at + entry.record_bytes - kCrcBytes, base::crc32c(record));
}

TEST(Verify, FindsNothingWrongWithAClosedFile) {
  const TestSegment segment = closed_segment();
  const Verdict verdict = verdict_of(segment.file());
  EXPECT_THAT(verdict.findings, IsEmpty());
  EXPECT_TRUE(verdict.is_closed);
  EXPECT_EQ(verdict.index.fragments, segment.index().fragments);
}

TEST(Verify, FindsNothingWrongWithAFileThatRecoveryCut) {
  const TestSegment segment = closed_segment();
  const Verdict verdict = verdict_of(ByteSpan(segment.file()).first(segment.index().end_bytes()));
  EXPECT_THAT(verdict.findings, IsEmpty());
  EXPECT_FALSE(verdict.is_closed);
}

TEST(Verify, JudgesAnOpenFileByWhatIsWhole) {
  const TestSegment segment = closed_segment();
  const auto& last = segment.index().fragments.back();
  const Bytes torn(segment.file().begin(),
                   segment.file().begin() + static_cast<std::ptrdiff_t>(last.offset_bytes + 900));
  EXPECT_THAT(verdict_of(torn).findings, SizeIs(1));
  SpanFile file(torn);
  EXPECT_THAT(verify_until(file, last.offset_bytes).value().findings, IsEmpty());
}

TEST(Verify, NamesAFileThatIsNoSegment) { EXPECT_THAT(verdict_of(Bytes(100)).findings, SizeIs(1)); }

TEST(Verify, Host07_FindsAFlippedBitAnywhere) {
  TestSegment segment({test_video()});
  segment.add(1, 0,
              {{.is_sync = true,
                .duration_ticks = 6000,
                .composition_ticks = 0,
                .payload = Bytes(64),
                .is_damaged = false}});
  segment.close();
  Bytes file = segment.file();
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_THAT(verdict_of(file).findings, testing::Not(IsEmpty())) << bit;
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

struct ChangedMoof {
  std::string_view name;
  std::size_t at;  // within moof
  std::byte flipped;
  std::string_view finding;
};
class MoofAgainstRecord : public testing::TestWithParam<ChangedMoof> {};
// The CRCs hold: only the two disagree.
TEST_P(MoofAgainstRecord, IsFound) {
  TestSegment segment({test_video()});
  segment.add(1, 0,
              {{.is_sync = true,
                .duration_ticks = 6000,
                .composition_ticks = 3000,
                .payload = Bytes(64),
                .is_damaged = false}});
  Bytes file = segment.file();
  const media::FragmentEntry& entry = segment.index().fragments.front();
  file[entry.offset_bytes + entry.record_bytes + GetParam().at] ^= GetParam().flipped;
  mend_crcs(file, entry);
  const Verdict verdict = verdict_of(file);
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_THAT(verdict.findings.front().what, HasSubstr(std::string(GetParam().finding)));
  EXPECT_EQ(verdict.findings.front().offset_bytes, entry.offset_bytes);
}
// moof 8, mfhd 16, traf 8, tfhd 28 (track at 12, duration, size, flags), tfdt 20 (time at 12),
// trun 28.
INSTANTIATE_TEST_SUITE_P(
    Verify, MoofAgainstRecord,
    testing::Values(ChangedMoof{"Sequence", 8 + 15, std::byte{1}, "sequence"},
                    ChangedMoof{"Track", 32 + 15, std::byte{2}, "track"},
                    ChangedMoof{"Duration", 32 + 19, std::byte{1}, "duration"},
                    ChangedMoof{"Size", 32 + 23, std::byte{1}, "mdat"},
                    ChangedMoof{"Sync", 32 + 25, std::byte{1}, "sync"},
                    ChangedMoof{"MediaStart", 60 + 19, std::byte{1}, "media start"},
                    ChangedMoof{"Composition", 80 + 23, std::byte{1}, "composition"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Verify, FindsASummaryOfOtherFragments) {
  TestSegment segment = closed_segment();
  media::FragmentIndex other = segment.index();
  other.fragments.front().bridge += microseconds(1);
  Bytes file(segment.file().begin(),
             segment.file().begin() + static_cast<std::ptrdiff_t>(other.end_bytes()));
  const Bytes closing = make_closing(other, segment.last_crc());
  file.insert(file.end(), closing.begin(), closing.end());
  const Verdict verdict = verdict_of(file);
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_THAT(verdict.findings.front().what, HasSubstr("summary"));
}

TEST(Verify, FindsAnMfraOfOtherFragments) {
  const TestSegment segment = closed_segment();
  Bytes file = segment.file();
  file[file.size() - 20] ^= std::byte{1};
  const Verdict verdict = verdict_of(file);
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_THAT(verdict.findings.front().what, HasSubstr("mfra"));
}

TEST(Verify, FindsMediaTimeThatGoesBack) {
  TestSegment segment({test_video()});
  const std::vector<TestUnit> picture = {{.is_sync = true,
                                          .duration_ticks = 6000,
                                          .composition_ticks = 0,
                                          .payload = {},
                                          .is_damaged = false}};
  segment.add(1, 6000, picture);
  segment.add(1, 0, picture);
  const Verdict verdict = verdict_of(segment.file());
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_THAT(verdict.findings.front().what, HasSubstr("goes back"));
}

TEST(Verify, FindsBytesBehindTheClosing) {
  const TestSegment segment = closed_segment();
  Bytes file = segment.file();
  file.resize(file.size() + 4096);
  EXPECT_THAT(verdict_of(file).findings, SizeIs(1));
}

}  // namespace
}  // namespace longtake::isobmff
