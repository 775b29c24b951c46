#include "sim/camera/packetizer.h"

#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

Bytes nal_of(std::uint8_t header, std::size_t size) {
  Bytes nal(size, std::byte{0x77});
  nal[0] = static_cast<std::byte>(header);
  for (std::size_t i = 1; i < size; ++i) nal[i] = static_cast<std::byte>(i);
  return nal;
}

// A receiver for the three packet kinds, written from RFC 6184 alone.
std::vector<Bytes> receive(const PacketTemplate& packets) {
  std::vector<Bytes> units;
  for (std::size_t i = 0; i < packets.packets.size(); ++i) {
    const ByteSpan payload = packets.packet(i).subspan(kInterleavedHeaderBytes + kRtpHeaderBytes);
    const auto type = nal_type_of(payload);
    if (type == 24) {
      Cursor cursor(payload.subspan(1));
      while (const auto size = cursor.u16()) {
        const ByteSpan unit = cursor.take(*size).value();
        units.emplace_back(unit.begin(), unit.end());
      }
    } else if (type == 28) {
      const auto header = std::to_integer<unsigned>(payload[1]);
      if ((header & 0x80U) != 0) {
        units.push_back({(payload[0] & std::byte{0xE0}) | static_cast<std::byte>(header & 0x1FU)});
      }
      units.back().insert(units.back().end(), payload.begin() + 2, payload.end());
    } else {
      units.emplace_back(payload.begin(), payload.end());
    }
  }
  return units;
}

bool has_marker(ByteSpan packet) {
  return (packet[kInterleavedHeaderBytes + 1] & std::byte{0x80}) != std::byte{0};
}

class PacketizerTest : public testing::Test {
 protected:
  Bytes delimiter_ = nal_of(0x09, 2);
  Bytes sps_ = nal_of(0x67, 24);
  Bytes pps_ = nal_of(0x68, 5);
  Bytes slice_ = nal_of(0x65, 5000);
  std::vector<ByteSpan> picture_{delimiter_, sps_, pps_, slice_};
};

TEST_F(PacketizerTest, AReceiverGetsTheSameNalUnitsBack) {
  const auto packets = packetize_picture(picture_, {});
  EXPECT_EQ(receive(packets), (std::vector<Bytes>{delimiter_, sps_, pps_, slice_}));
}

TEST_F(PacketizerTest, ParameterSetsTravelTogetherAndTheMarkGoesBeforeTheSlice) {
  const auto packets = packetize_picture(picture_, {});
  EXPECT_EQ(nal_type_of(packets.packet(0).subspan(16)), 24);
  EXPECT_EQ(packets.mark_before, 1U);
}

TEST_F(PacketizerTest, WithoutAggregationEachSetHasItsPacket) {
  const auto packets = packetize_picture(picture_, {.max_payload_bytes = 1400, .aggregate = false});
  EXPECT_EQ(packets.mark_before, 3U);
  EXPECT_EQ(receive(packets), (std::vector<Bytes>{delimiter_, sps_, pps_, slice_}));
}

TEST_F(PacketizerTest, OnlyTheLastPacketHasTheMarker) {
  const auto packets = packetize_picture(picture_, {});
  for (std::size_t i = 0; i < packets.packets.size(); ++i) {
    EXPECT_EQ(has_marker(packets.packet(i)), i + 1 == packets.packets.size()) << i;
  }
}

TEST_F(PacketizerTest, NoPacketIsLongerThanTheLayoutAllows) {
  const auto packets = packetize_picture(picture_, {.max_payload_bytes = 100, .aggregate = true});
  for (std::size_t i = 0; i < packets.packets.size(); ++i)
    EXPECT_LE(packets.packet(i).size(), 100U + 16U);
  EXPECT_EQ(receive(packets), (std::vector<Bytes>{delimiter_, sps_, pps_, slice_}));
}

TEST_F(PacketizerTest, StampingFillsTheHeaderAndKeepsTheMarker) {
  auto packets = packetize_picture(picture_, {});
  std::span<std::byte> last = std::span(packets.bytes).subspan(packets.packets.back());
  stamp(last, {.channel = 2,
               .payload_type = 96,
               .sequence = 65535,
               .timestamp = 0xFFFFFFF0,
               .ssrc = 0x01020304});
  Cursor cursor(last);
  EXPECT_EQ(cursor.u16(), 0x2402);
  cursor.skip(2);
  EXPECT_EQ(cursor.u16(), 0x80E0);
  EXPECT_EQ(cursor.u16(), 65535);
  EXPECT_EQ(cursor.u32(), 0xFFFFFFF0U);
  EXPECT_EQ(cursor.u32(), 0x01020304U);
}

TEST(AudioPacket, CarriesOneFrameWithItsSize) {
  const Bytes frame(300, std::byte{1});
  const auto packets = packetize_audio(frame);
  Cursor cursor(packets.packet(0).subspan(16));
  EXPECT_EQ(cursor.u16(), 16);
  EXPECT_EQ(cursor.u16(), 300 << 3);
  EXPECT_EQ(cursor.remaining(), 300U);
  EXPECT_TRUE(has_marker(packets.packet(0)));
}

}  // namespace
}  // namespace longtake::camsim
