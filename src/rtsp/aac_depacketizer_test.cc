#include "rtsp/aac_depacketizer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using codec::hex;

/// An mpeg4-generic payload in AAC-hbr: headers of 13 + 3 bits, then the units.
Bytes hbr(const std::vector<Bytes>& units) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(static_cast<std::uint16_t>(units.size() * 16));
  for (const Bytes& unit : units) writer.u16(static_cast<std::uint16_t>(unit.size() << 3U));
  for (const Bytes& unit : units) writer.bytes(unit);
  return out;
}

Bytes hbr_fragment(std::size_t whole, ByteSpan part) {
  Bytes out;
  ByteWriter(out).u16(16).u16(static_cast<std::uint16_t>(whole << 3U)).bytes(part);
  return out;
}

Result<AacDepacketizer::Format> format_of(std::string_view rtpmap, std::string_view fmtp) {
  const auto session = parse_sdp("m=audio 0 RTP/AVP 97\na=rtpmap:97 " + std::string(rtpmap) +
                                 "\na=fmtp:97 " + std::string(fmtp) + "\n");
  return AacDepacketizer::read_format(session->media[0]);
}

constexpr std::string_view kFmtp =
    "mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3";

class AacDepacketizerTest : public testing::Test {
 protected:
  void send(ByteSpan payload, std::int64_t timestamp, bool has_marker = true,
            bool is_after_loss = false) {
    RtpPacket packet;
    packet.payload = payload;
    packet.has_marker = has_marker;
    depacketizer_.push(packet,
                       {.timestamp = timestamp, .received = {}, .is_after_loss = is_after_loss});
  }

  test::RecordingSink sink_;
  AacDepacketizer depacketizer_{2, *format_of("MPEG4-GENERIC/16000/1", kFmtp), sink_};
  const Bytes unit_a_ = hex("0102030405");
  const Bytes unit_b_ = hex("0a0b0c");
};

TEST_F(AacDepacketizerTest, AnnouncesItsConfig) {
  depacketizer_.announce();
  const auto config = sink_.all<media::TrackConfigPtr>().at(0);
  EXPECT_EQ(config->sample_rate_hz, 16'000U);
  EXPECT_EQ(config->channels, 1U);
  EXPECT_EQ(config->codec_string, "mp4a.40.2");
  EXPECT_EQ(config->decoder_config, hex("1408"));
}

TEST_F(AacDepacketizerTest, DeliversOneUnitAPacket) {
  send(hbr({unit_a_}), 5000);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->payload, unit_a_);
  EXPECT_EQ(sink_.units()[0]->pts.ticks(), 5000);
  EXPECT_TRUE(sink_.units()[0]->is_sync);
}

TEST_F(AacDepacketizerTest, SpacesSeveralUnitsOfAPacketByTheFrameLength) {
  send(hbr({unit_a_, unit_b_, unit_a_}), 5000);
  const auto units = sink_.units();
  ASSERT_EQ(units.size(), 3U);
  EXPECT_EQ(units[1]->payload, unit_b_);
  EXPECT_EQ(units[1]->pts.ticks(), 5000 + 1024);
  EXPECT_EQ(units[2]->pts.ticks(), 5000 + 2048);
}

TEST_F(AacDepacketizerTest, JoinsAUnitOfSeveralPackets) {
  send(hbr_fragment(8, hex("010203")), 5000, false);
  send(hbr_fragment(8, hex("040506")), 5000, false);
  EXPECT_TRUE(sink_.units().empty());
  send(hbr_fragment(8, hex("0708")), 5000, true);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->payload, hex("0102030405060708"));
}

TEST_F(AacDepacketizerTest, DropsAUnitWithAMissingFragmentAndMarksTheNext) {
  send(hbr_fragment(8, hex("010203")), 5000, false);
  send(hbr({unit_a_}), 6024, true, true);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_TRUE(sink_.units()[0]->is_damaged);
  send(hbr({unit_a_}), 7048);
  EXPECT_FALSE(sink_.units()[1]->is_damaged);
}

TEST_F(AacDepacketizerTest, Cam24_DropsWhatIsMalformedAndCounts) {
  send(hex("00"), 0);                                // no room for the length of the headers
  send(hex("ffff00"), 0);                            // headers longer than the packet
  send(hex("0008 00"), 0);                           // half a header
  send(hex("0010 0000"), 0);                         // a unit of 0 bytes
  send(hex("0020 0018 0018 aabb"), 0);               // two units that are not there
  send(hbr_fragment(4, hex("010203")), 9000, true);  // the marker promises a whole unit
  EXPECT_TRUE(sink_.units().empty());
  EXPECT_EQ(depacketizer_.malformed(), 6U);
}

TEST_F(AacDepacketizerTest, Cam24_DropsFragmentsThatGrowBeyondTheirUnit) {
  send(hbr_fragment(4, hex("0102")), 5000, false);
  send(hbr_fragment(4, hex("010203")), 5000, false);
  EXPECT_TRUE(sink_.units().empty());
  EXPECT_EQ(depacketizer_.malformed(), 1U);
}

TEST(AacFormat, ReadsRatesThatDifferFromTheClock) {
  const auto format = format_of("MPEG4-GENERIC/90000/1", kFmtp);
  ASSERT_TRUE(format.has_value());
  test::RecordingSink sink;
  AacDepacketizer depacketizer(2, *format, sink);
  RtpPacket packet;
  const Bytes payload = hbr({hex("01"), hex("02")});
  packet.payload = payload;
  depacketizer.push(packet, {});
  EXPECT_EQ(sink.units()[1]->pts.ticks(), 1024 * 90'000 / 16'000);
}

TEST(AacFormat, MakesUpAConfigThatTheCameraLeavesOut) {
  const auto format = format_of("MPEG4-GENERIC/8000", "mode=AAC-hbr");
  ASSERT_TRUE(format.has_value());
  EXPECT_EQ(format->config, hex("1588"));
  EXPECT_EQ(format->size_bits, 13);
}

TEST(AacFormat, IsRefusedInWords) {
  EXPECT_FALSE(format_of("MPEG4-GENERIC/16000", "config=zz").has_value());
  EXPECT_FALSE(format_of("MPEG4-GENERIC/16000", "config=140").has_value());
  EXPECT_FALSE(format_of("MPEG4-GENERIC/16000", "sizelength=17;config=1408").has_value());
  EXPECT_FALSE(format_of("MPEG4-GENERIC/12345", "mode=AAC-hbr").has_value());
  EXPECT_FALSE(format_of("MPEG4-GENERIC/0", "config=1408").has_value());
  EXPECT_TRUE(
      format_of("MPEG4-GENERIC/16000", "sizelength=16;indexlength=3;indexdeltalength=3;config=1408")
          .has_value());
}

TEST(AacDepacketizing, GivesBackWhatWasPacketized) {
  EXPECT_TRUE(
      rc::check("any units, any number a packet, come out byte-equal and evenly spaced", [] {
        const auto packets = *rc::gen::container<std::vector<std::vector<std::size_t>>>(
            rc::gen::nonEmpty(rc::gen::container<std::vector<std::size_t>>(
                rc::gen::inRange<std::size_t>(1, 8192))));
        test::RecordingSink sink;
        AacDepacketizer depacketizer(2, *format_of("MPEG4-GENERIC/16000/1", kFmtp), sink);
        std::vector<Bytes> expected;
        std::int64_t timestamp = 77;
        for (const auto& sizes : packets) {
          std::vector<Bytes> units;
          for (const std::size_t size : sizes)
            units.push_back(Bytes(size, static_cast<std::byte>(size)));
          const Bytes payload = hbr(units);
          RtpPacket packet;
          packet.payload = payload;
          packet.has_marker = true;
          depacketizer.push(packet,
                            {.timestamp = timestamp, .received = {}, .is_after_loss = false});
          timestamp += 1024 * static_cast<std::int64_t>(units.size());
          std::ranges::move(units, std::back_inserter(expected));
        }
        const auto delivered = sink.units();
        RC_ASSERT(delivered.size() == expected.size());
        for (std::size_t i = 0; i < delivered.size(); ++i) {
          RC_ASSERT(delivered[i]->payload == expected[i]);
          RC_ASSERT(delivered[i]->dts.ticks() == 77 + 1024 * static_cast<std::int64_t>(i));
        }
      }));
}

}  // namespace
}  // namespace longtake::rtsp
