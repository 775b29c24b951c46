#include "rtsp/rtp.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using codec::hex;
using Verdict = RtpSource::Verdict;

TEST(Rtp, ReadsHeaderAndPayload) {
  const Bytes bytes = hex("80e0 1234 89abcdef 11223344 aabb");
  const auto packet = parse_rtp(bytes);
  ASSERT_TRUE(packet.has_value());
  EXPECT_TRUE(packet->has_marker);
  EXPECT_EQ(packet->payload_type, 96);
  EXPECT_EQ(packet->sequence, 0x1234);
  EXPECT_EQ(packet->timestamp, 0x89abcdefU);
  EXPECT_EQ(packet->ssrc, 0x11223344U);
  EXPECT_EQ(packet->payload.size(), 2U);
}

TEST(Rtp, LeavesOutContributingSourcesExtensionAndPadding) {
  const Bytes bytes = hex("b160 0001 00000001 00000002 cccccccc bede0001 eeeeeeee aabbcc 000003");
  const auto packet = parse_rtp(bytes);
  ASSERT_TRUE(packet.has_value());
  ASSERT_EQ(packet->payload.size(), 3U);
  EXPECT_EQ(packet->payload[0], std::byte{0xaa});
}

TEST(Rtp, Cam24_RefusesWhatIsShorterThanItsOwnHeaderSays) {
  EXPECT_FALSE(parse_rtp(hex("80e0 1234 89abcdef 112233")).has_value());
  EXPECT_FALSE(parse_rtp(hex("40e0 1234 89abcdef 11223344 aabb")).has_value());  // version 1
  EXPECT_FALSE(parse_rtp(hex("81e0 1234 89abcdef 11223344")).has_value());  // one source missing
  EXPECT_FALSE(
      parse_rtp(hex("90e0 1234 89abcdef 11223344 bede")).has_value());  // extension cut off
  EXPECT_FALSE(parse_rtp(hex("90e0 1234 89abcdef 11223344 bede0002 aabbccdd")).has_value());
  EXPECT_FALSE(parse_rtp(hex("a0e0 1234 89abcdef 11223344")).has_value());  // padding of nothing
  EXPECT_FALSE(
      parse_rtp(hex("a0e0 1234 89abcdef 11223344 aa05")).has_value());  // longer than the payload
  EXPECT_FALSE(parse_rtp(hex("a0e0 1234 89abcdef 11223344 aa00")).has_value());
}

TEST(TimestampUnwrapper, Cam11_GoesOnThroughEveryWrap) {
  TimestampUnwrapper unwrapper;
  const std::int64_t first = unwrapper.unwrap(0xffff'ffffU - 90'000);
  std::uint32_t timestamp = 0xffff'ffffU - 90'000;
  std::int64_t last = first;
  // 48 hours at 90 kHz in steps of an hour: three wraps and more.
  for (int hour = 1; hour <= 48; ++hour) {
    timestamp += 90'000U * 3600U;
    last = unwrapper.unwrap(timestamp);
    EXPECT_EQ(last - first, std::int64_t{90'000} * 3600 * hour);
  }
}

TEST(TimestampUnwrapper, Cam17_GoesBackForPicturesShownEarlier) {
  TimestampUnwrapper unwrapper;
  const std::int64_t first = unwrapper.unwrap(1000);
  EXPECT_EQ(unwrapper.unwrap(0xffff'ff00U), first - 1256);
  EXPECT_EQ(unwrapper.peek(2000), first + 1000);
}

TEST(TimestampUnwrapper, PeeksAtNothingBeforeTheFirst) {
  EXPECT_EQ(TimestampUnwrapper().peek(1), std::nullopt);
}

RtpSource::Judged judge(RtpSource& source, std::uint16_t sequence, std::uint32_t ssrc = 1) {
  const Bytes bytes = test::rtp_packet(
      {.sequence = sequence, .timestamp = 0, .has_marker = false, .ssrc = ssrc}, as_bytes("x"));
  return source.judge(*parse_rtp(bytes), bytes);
}

TEST(RtpSource, Cam10_CountsThroughTheWrapOfTheSequence) {
  RtpSource source;
  judge(source, 65'534);
  for (int wrap = 0; wrap < 10; ++wrap) {
    for (std::uint32_t i = 0; i < 65'536; ++i) {
      const auto judged = judge(source, static_cast<std::uint16_t>(65'535 + i));
      ASSERT_EQ(judged.lost, 0U);
      ASSERT_EQ(judged.verdict, Verdict::kMedia);
    }
  }
  EXPECT_EQ(source.lost(), 0U);
  EXPECT_EQ(source.extended_sequence(), 65'534U + 10U * 65'536U);
}

TEST(RtpSource, CountsWhatIsMissing) {
  RtpSource source;
  judge(source, 10);
  EXPECT_EQ(judge(source, 14).lost, 3U);
  EXPECT_EQ(source.lost(), 3U);
}

TEST(RtpSource, DropsARepeatedPacket) {
  RtpSource source;
  judge(source, 10);
  EXPECT_EQ(judge(source, 10).verdict, Verdict::kDrop);
  EXPECT_EQ(source.duplicates(), 1U);
}

TEST(RtpSource, Cam10_FollowsASequenceThatStartsOver) {
  RtpSource source;
  judge(source, 40'000);
  const auto judged = judge(source, 5);
  EXPECT_EQ(judged.verdict, Verdict::kMedia);
  EXPECT_TRUE(judged.has_restarted);
  EXPECT_EQ(judge(source, 6).lost, 0U);
}

TEST(RtpSource, Cam12_BelievesANewSourceAtItsThirdPacketAndKeepsTheFirstTwo) {
  RtpSource source;
  judge(source, 10, 1);
  EXPECT_EQ(judge(source, 500, 2).verdict, Verdict::kDrop);
  EXPECT_EQ(judge(source, 501, 2).verdict, Verdict::kDrop);
  EXPECT_EQ(judge(source, 502, 2).verdict, Verdict::kNewSource);
  EXPECT_EQ(source.take_held().size(), 2U);
  EXPECT_EQ(judge(source, 500, 2).verdict, Verdict::kMedia);
  EXPECT_EQ(source.strays(), 0U);
}

TEST(RtpSource, Cam12_DropsAndCountsStrays) {
  RtpSource source;
  judge(source, 10, 1);
  judge(source, 500, 2);
  judge(source, 501, 2);
  EXPECT_EQ(judge(source, 11, 1).lost, 0U);
  EXPECT_EQ(source.strays(), 2U);
  EXPECT_EQ(judge(source, 502, 2).verdict, Verdict::kDrop);
  EXPECT_EQ(judge(source, 503, 3).verdict, Verdict::kDrop);
  judge(source, 12, 1);
  EXPECT_EQ(source.strays(), 4U);
}

TEST(RtpSource, Cam10_CountsExactlyTheNumbersLeftOut) {
  EXPECT_TRUE(rc::check("any pattern of gaps below 3000 is counted exactly", [] {
    const auto gaps =
        *rc::gen::container<std::vector<std::uint16_t>>(rc::gen::inRange<std::uint16_t>(0, 3000));
    RtpSource source;
    auto sequence = *rc::gen::arbitrary<std::uint16_t>();
    judge(source, sequence);
    std::uint64_t expected = 0;
    for (const std::uint16_t gap : gaps) {
      sequence = static_cast<std::uint16_t>(sequence + gap + 1U);
      expected += gap;
      judge(source, sequence);
    }
    RC_ASSERT(source.lost() == expected);
    RC_ASSERT(source.received() == gaps.size() + 1);
  }));
}

}  // namespace
}  // namespace longtake::rtsp
