#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "isobmff/reader.h"
#include "isobmff/test_segment.h"

/// HOST-05: the first or last sectors of what was being written persist. The longest valid prefix
/// is recovered, and not one wrong picture with it.
namespace longtake::isobmff {
namespace {

constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kTailBytes = 1024 * 1024;

class TornWrite : public testing::Test {
 protected:
  TornWrite() {
    base::SeededRandom random(5);
    while (segment_.file().size() < kTailBytes + 100'000) segment_.add_seconds(1, random, 4000);
    tail_start_ = segment_.file().size() - kTailBytes;
  }

  /// How many fragments end at or before `bytes`.
  [[nodiscard]] std::size_t whole_fragments(std::uint64_t bytes) const {
    const auto& fragments = segment_.index().fragments;
    return static_cast<std::size_t>(
        std::ranges::count_if(fragments, [bytes](const media::FragmentEntry& entry) {
          return entry.offset_bytes + entry.size_bytes <= bytes;
        }));
  }

  /// The walk of `damaged` finds `fragments` fragments, each byte for byte what was written.
  void expect_prefix(ByteSpan damaged, std::size_t fragments, std::size_t at) const {
    const auto walked = walk(damaged, Check::kAll);
    ASSERT_TRUE(walked.has_value()) << at;
    ASSERT_EQ(walked->index.fragments.size(), fragments) << at << ": " << walked->detail;
    const auto& written = segment_.index().fragments;
    ASSERT_TRUE(
        std::equal(walked->index.fragments.begin(), walked->index.fragments.end(), written.begin()))
        << at;
    ASSERT_LE(walked->stop_bytes, damaged.size());
    ASSERT_TRUE(std::ranges::equal(damaged.first(walked->stop_bytes),
                                   ByteSpan(segment_.file()).first(walked->stop_bytes)))
        << at;
  }

  TestSegment segment_;
  std::size_t tail_start_ = 0;
};

TEST_F(TornWrite, Host05_CutAtEvery512BytesOfAMebibyte) {
  const ByteSpan file = segment_.file();
  for (std::size_t i = 0; i < kTailBytes / kSectorBytes; ++i) {
    const std::size_t cut = tail_start_ + i * kSectorBytes;
    expect_prefix(file.first(cut), whole_fragments(cut), cut);
    if (HasFatalFailure()) return;
  }
}

TEST_F(TornWrite, Host05_ZeroFilledFromEvery512BytesOfAMebibyte) {
  Bytes file = segment_.file();
  for (std::size_t i = kTailBytes / kSectorBytes; i-- > 0;) {
    const std::size_t cut = tail_start_ + i * kSectorBytes;
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(cut), kSectorBytes, std::byte{0});
    expect_prefix(file, whole_fragments(cut), cut);
    if (HasFatalFailure()) return;
  }
}

TEST_F(TornWrite, Host05_OneLostSectorAnywhereEndsTheFileBeforeItsFragment) {
  Bytes file = segment_.file();
  for (std::size_t i = 0; i < kTailBytes / kSectorBytes; i += 7) {
    const auto at = file.begin() + static_cast<std::ptrdiff_t>(tail_start_ + i * kSectorBytes);
    const Bytes kept(at, at + kSectorBytes);
    std::fill_n(at, kSectorBytes, std::byte{0});
    expect_prefix(file, whole_fragments(tail_start_ + i * kSectorBytes), i);
    if (HasFatalFailure()) return;
    std::ranges::copy(kept, at);
  }
}

TEST_F(TornWrite, Host05_LastSectorsOfAFragmentWithoutItsFirst) {
  Bytes file = segment_.file();
  const media::FragmentEntry& last = segment_.index().fragments.back();
  std::size_t zeroed = last.offset_bytes;
  while (zeroed < file.size()) {
    const std::size_t count = std::min(kSectorBytes, file.size() - zeroed);
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(zeroed), count, std::byte{0});
    zeroed += count;
    expect_prefix(file, segment_.index().fragments.size() - 1, zeroed);
    if (HasFatalFailure()) return;
  }
}

TEST_F(TornWrite, Host07_AFlippedBitAnywhereEndsTheFileBeforeItsFragment) {
  Bytes file = segment_.file();
  base::SeededRandom random(11);
  for (int i = 0; i < 500; ++i) {
    const std::size_t bit = tail_start_ * 8 + random.below(kTailBytes * 8);
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    expect_prefix(file, whole_fragments(bit / 8), bit);
    if (HasFatalFailure()) return;
    file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

}  // namespace
}  // namespace longtake::isobmff
