#include "rtsp/h264_depacketizer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "base/limits.h"
#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using test::fu_a;
using test::idr;
using test::inter;
using test::kPps;
using test::kSps;
using test::sample_of;
using test::slice;
using test::stap_a;

constexpr std::int64_t kFrame = 6000;

/// A camera that sends payloads one after the other; time is counted in pictures.
class H264DepacketizerTest : public testing::Test {
 protected:
  enum class Marker { kNo, kYes };
  enum class Loss { kNo, kYes };

  void send(ByteSpan payload, std::int64_t picture, Marker marker, Loss loss = Loss::kNo) {
    RtpPacket packet;
    packet.has_marker = marker == Marker::kYes;
    packet.payload = payload;
    depacketizer_.push(packet, {.timestamp = (picture + 1000) * kFrame,
                                .received = test::at(milliseconds(67) * picture),
                                .is_after_loss = loss == Loss::kYes});
  }
  void send_all(const std::vector<Bytes>& payloads, std::int64_t picture) {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      send(payloads[i], picture, i + 1 == payloads.size() ? Marker::kYes : Marker::kNo);
    }
  }
  /// Parameter sets and a key frame at picture 0, after which units flow; what they gave is
  /// forgotten.
  void begin() {
    send_all({kSps, kPps, idr()}, 0);
    sink_.items.clear();
  }

  test::RecordingSink sink_;
  H264Depacketizer depacketizer_{1, 90'000, sink_};
};

TEST_F(H264DepacketizerTest, DeliversConfigThenUnitOfSingleNalUnits) {
  send_all({kSps, kPps, idr()}, 0);
  ASSERT_EQ(sink_.items.size(), 2U);
  EXPECT_EQ(sink_.all<media::TrackConfigPtr>().at(0)->width, 640U);
  const auto unit = sink_.units().at(0);
  EXPECT_EQ(unit->payload, sample_of({kSps, kPps, idr()}));
  EXPECT_TRUE(unit->is_sync);
  EXPECT_FALSE(unit->is_damaged);
  EXPECT_EQ(unit->pts.ticks(), 1000 * kFrame);
  EXPECT_EQ(unit->dts, unit->pts);
}

TEST_F(H264DepacketizerTest, OpensAnAggregationPacket) {
  send(stap_a({kSps, kPps, idr()}), 0, Marker::kYes);
  EXPECT_EQ(sink_.units().at(0)->payload, sample_of({kSps, kPps, idr()}));
}

TEST_F(H264DepacketizerTest, JoinsFragments) {
  begin();
  send_all(test::payloads_of({inter(1000)}, 100), 1);
  EXPECT_EQ(sink_.units().at(0)->payload, sample_of({inter(1000)}));
  EXPECT_FALSE(sink_.units().at(0)->is_sync);
}

TEST_F(H264DepacketizerTest, DropsAccessUnitDelimitersAndKeepsTheRest) {
  const Bytes sei = codec::hex("0605021122 80");
  begin();
  send_all({codec::hex("0910"), sei, inter()}, 1);
  EXPECT_EQ(sink_.units().at(0)->payload, sample_of({sei, inter()}));
}

TEST_F(H264DepacketizerTest, EndsAUnitWhereTheTimestampChanges) {
  begin();
  send(inter(), 1, Marker::kNo);
  EXPECT_TRUE(sink_.units().empty());
  send(inter(), 2, Marker::kNo);
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(H264DepacketizerTest, Cam18_EndsAUnitAtTheNextPictureWhenNothingElseTells) {
  begin();
  send(inter(10, 1), 1, Marker::kNo);
  send(inter(10, 2), 1, Marker::kNo);
  send(inter(10, 3), 1, Marker::kNo);
  ASSERT_EQ(sink_.units().size(), 2U);
  EXPECT_EQ(sink_.units()[1]->payload, sample_of({inter(10, 2)}));
  EXPECT_GT(sink_.units()[1]->dts.ticks(), sink_.units()[0]->dts.ticks());
}

TEST_F(H264DepacketizerTest, LearnsThatACameraMarksEverySlice) {
  Bytes second = inter();
  second[1] = std::byte{0x08};  // first_mb_in_slice is not 0
  begin();
  for (std::int64_t picture = 1; picture <= 3; ++picture) {
    send(inter(), picture, Marker::kYes);
    send(second, picture, Marker::kYes);
  }
  send(inter(), 4, Marker::kYes);
  const auto units = sink_.units();
  // The first picture came in two; from then on they are whole.
  ASSERT_EQ(units.size(), 4U);
  EXPECT_EQ(units[2]->payload, sample_of({inter(), second}));
  EXPECT_EQ(units[3]->payload, sample_of({inter(), second}));
}

TEST_F(H264DepacketizerTest, CarriesNalUnitsWithoutAPictureToTheNextUnit) {
  send(kSps, 0, Marker::kYes);
  send(kPps, 1, Marker::kYes);
  send(idr(), 2, Marker::kYes);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->payload, sample_of({kSps, kPps, idr()}));
  EXPECT_EQ(sink_.units()[0]->pts.ticks(), 1002 * kFrame);
}

TEST_F(H264DepacketizerTest, Cam13_WaitsForParameterSetsInBand) {
  send_all({idr()}, 0);
  send_all({inter()}, 1);
  EXPECT_TRUE(sink_.units().empty());
  send_all({kSps, kPps, idr()}, 2);
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(H264DepacketizerTest, Cam13_TakesParameterSetsFromTheDescription) {
  depacketizer_.take_sprop_parameter_sets(test::kSprop);
  depacketizer_.announce();
  EXPECT_EQ(sink_.all<media::TrackConfigPtr>().size(), 1U);
  send_all({idr()}, 0);
  EXPECT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.all<media::TrackConfigPtr>().size(), 1U);
}

TEST_F(H264DepacketizerTest, IgnoresParameterSetsOfTheDescriptionThatCannotBeRead) {
  depacketizer_.take_sprop_parameter_sets("!!!,,AAAA,Z0L=");
  depacketizer_.announce();
  EXPECT_TRUE(sink_.items.empty());
}

TEST_F(H264DepacketizerTest, Cam14_DeliversANewConfigBeforeTheUnitThatNeedsIt) {
  begin();
  send_all({kSps, kPps, idr()}, 1);
  EXPECT_TRUE(sink_.all<media::TrackConfigPtr>().empty());
  send_all({test::kOtherSps, kPps, idr()}, 2);
  ASSERT_EQ(sink_.items.size(), 3U);
  EXPECT_EQ(std::get<media::TrackConfigPtr>(sink_.items[1])->width, 1920U);
  EXPECT_EQ(sink_.units()[1]->payload, sample_of({test::kOtherSps, kPps, idr()}));
}

TEST_F(H264DepacketizerTest, Cam14_LosesNoPictureThroughAThousandChanges) {
  for (std::int64_t i = 0; i < 1000; ++i)
    send_all({i % 2 == 0 ? kSps : test::kOtherSps, kPps, idr()}, i);
  EXPECT_EQ(sink_.units().size(), 1000U);
  EXPECT_EQ(sink_.all<media::TrackConfigPtr>().size(), 1000U);
}

TEST_F(H264DepacketizerTest, Cam16_SaysOnceThatItWaitsForAKeyFrame) {
  send_all({kSps, kPps, inter()}, 0);
  send_all({inter()}, 1);
  ASSERT_EQ(sink_.items.size(), 1U);
  EXPECT_EQ(sink_.all<media::Waiting>().at(0).reason, media::Reason::kNoKeyframe);
}

TEST_F(H264DepacketizerTest, Cam16_BeginsAtARecoveryPoint) {
  const Bytes recovery = codec::hex("060601c480");
  send_all({kSps, kPps, inter()}, 0);
  send_all({recovery, inter()}, 1);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_TRUE(sink_.units()[0]->is_sync);
  send_all({inter()}, 2);
  EXPECT_FALSE(sink_.units()[1]->is_sync);
}

TEST_F(H264DepacketizerTest, Cam17_LagsDecodeTimesByTheDepthOfTheSps) {
  const Bytes main_sps = codec::hex("674d4028eca03c0113f2e0220000030002000003003c1e30632c");
  send_all({main_sps, kPps, idr()}, 0);
  send_all({inter()}, 4);
  send_all({inter()}, 2);
  send_all({inter()}, 1);
  send_all({inter()}, 3);
  const auto units = sink_.units();
  ASSERT_EQ(units.size(), 5U);
  for (std::size_t i = 0; i < units.size(); ++i) {
    EXPECT_LE(units[i]->dts, units[i]->pts);
    if (i > 0) {
      EXPECT_LT(units[i - 1]->dts, units[i]->dts);
    }
  }
  EXPECT_EQ(units[4]->pts.ticks(), 1003 * kFrame);
}

TEST_F(H264DepacketizerTest, MarksTheUnitsAroundALossAsDamaged) {
  begin();
  send(inter(), 1, Marker::kNo);
  send(inter(), 2, Marker::kYes, Loss::kYes);
  send(inter(), 3, Marker::kYes);
  const auto units = sink_.units();
  ASSERT_EQ(units.size(), 3U);
  EXPECT_TRUE(units[0]->is_damaged);
  EXPECT_TRUE(units[1]->is_damaged);
  EXPECT_FALSE(units[2]->is_damaged);
}

TEST_F(H264DepacketizerTest, Cam24_DropsAFragmentWithoutItsBeginning) {
  begin();
  const Bytes nal = inter(300);
  send(inter(), 1, Marker::kNo);
  send(fu_a(nal, 100, 200), 1, Marker::kYes);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->payload, sample_of({inter()}));
  EXPECT_TRUE(sink_.units()[0]->is_damaged);
  EXPECT_EQ(depacketizer_.malformed(), 1U);
}

TEST_F(H264DepacketizerTest, Cam24_DropsAFragmentWithoutItsEnd) {
  begin();
  Bytes nal = inter(300);
  nal[1] = std::byte{0x08};  // a further slice of the picture
  send(inter(), 1, Marker::kNo);
  send(fu_a(nal, 1, 100), 1, Marker::kNo);
  send(inter(), 2, Marker::kYes);
  ASSERT_EQ(sink_.units().size(), 2U);
  EXPECT_EQ(sink_.units()[0]->payload, sample_of({inter()}));
  EXPECT_TRUE(sink_.units()[0]->is_damaged);
  EXPECT_EQ(sink_.units()[1]->payload, sample_of({inter()}));
}

TEST_F(H264DepacketizerTest, Cam24_DeliversNoUnitWithoutAWholeSlice) {
  begin();
  send(fu_a(inter(300), 1, 100), 1, Marker::kYes);
  send(inter(), 2, Marker::kYes);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_TRUE(sink_.units()[0]->is_damaged);
}

TEST_F(H264DepacketizerTest, Cam24_DropsATruncatedStapAndCounts) {
  begin();
  Bytes stap = stap_a({inter(), inter()});
  stap.pop_back();
  send(stap, 1, Marker::kYes);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->payload, sample_of({inter()}));
  EXPECT_TRUE(sink_.units()[0]->is_damaged);
  EXPECT_EQ(depacketizer_.malformed(), 1U);
}

TEST_F(H264DepacketizerTest, Cam24_CountsPacketTypesOfOtherModes) {
  begin();
  for (const unsigned type : {0U, 25U, 26U, 27U, 29U, 30U, 31U}) {
    const Bytes payload{static_cast<std::byte>(type), std::byte{1}, std::byte{2}};
    send(payload, 1, Marker::kNo);
  }
  EXPECT_EQ(depacketizer_.malformed(), 7U);
}

TEST_F(H264DepacketizerTest, IgnoresEmptyPayloads) {
  begin();
  send({}, 1, Marker::kNo);
  EXPECT_EQ(depacketizer_.malformed(), 0U);
}

/// A picture of one slice that makes a sample of so many bytes.
class AccessUnitLimit : public H264DepacketizerTest {
 protected:
  void send_picture_of(std::size_t sample_bytes, std::int64_t picture) {
    send_all(test::payloads_of({inter(sample_bytes - 4)}, 60'000), picture);
  }
};

TEST_F(AccessUnitLimit, Cam23_KeepsAPictureAtTheLimit) {
  begin();
  send_picture_of(limits::kAccessUnitBytes - 1, 1);
  send_picture_of(limits::kAccessUnitBytes, 2);
  EXPECT_EQ(sink_.units().size(), 2U);
}

TEST_F(AccessUnitLimit, Cam23_DropsAPictureAboveTheLimitAndAllUpToTheNextKeyFrame) {
  begin();
  send_picture_of(limits::kAccessUnitBytes + 1, 1);
  send_all({inter()}, 2);
  EXPECT_TRUE(sink_.units().empty());
  send_all({idr()}, 3);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_TRUE(sink_.units()[0]->is_sync);
  const auto damage = sink_.all<media::Damage>();
  ASSERT_EQ(damage.size(), 2U);
  EXPECT_EQ(damage[0].reason, media::Reason::kOversize);
  EXPECT_EQ(damage[0].count + damage[1].count, 2U);
}

TEST_F(AccessUnitLimit, Cam23_HoldsTheNumberOfNalUnits) {
  begin();
  std::vector<Bytes> slices(limits::kNalUnitsPerAccessUnit, codec::hex("6108"));
  slices[0] = inter(2);
  send_all(slices, 1);
  EXPECT_EQ(sink_.units().size(), 1U);
  slices.push_back(slices.back());
  send_all(slices, 2);
  EXPECT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.all<media::Damage>().size(), 1U);
}

TEST_F(H264DepacketizerTest, Cam12_StartsTimesAnewWithANewSource) {
  begin();
  depacketizer_.on_new_source();
  send_all({idr()}, -900);
  ASSERT_EQ(sink_.units().size(), 1U);
  EXPECT_EQ(sink_.units()[0]->pts.ticks(), 100 * kFrame);
}

TEST(H264Depacketizing, GivesBackWhatWasPacketized) {
  EXPECT_TRUE(rc::check("any pictures through any packet size come out byte-equal", [] {
    const auto mtu = *rc::gen::inRange<std::size_t>(10, 1500);
    const auto pictures = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::vector<std::size_t>>>(rc::gen::nonEmpty(
            rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(3, 5000)))));
    test::RecordingSink sink;
    H264Depacketizer depacketizer(1, 90'000, sink);
    depacketizer.take_sprop_parameter_sets(test::kSprop);
    std::vector<Bytes> expected;
    std::int64_t timestamp = 0;
    unsigned seed = 0;
    for (const auto& sizes : pictures) {
      std::vector<Bytes> nals;
      for (const std::size_t size : sizes) {
        nals.push_back(slice(expected.empty() ? 5 : 1, size, ++seed));
        if (nals.size() > 1) nals.back()[1] = std::byte{0x08};
      }
      const auto payloads = test::payloads_of(nals, mtu);
      for (std::size_t i = 0; i < payloads.size(); ++i) {
        RtpPacket packet;
        packet.payload = payloads[i];
        packet.has_marker = i + 1 == payloads.size();
        depacketizer.push(packet, {.timestamp = timestamp, .received = {}, .is_after_loss = false});
      }
      expected.push_back(sample_of(nals));
      timestamp += kFrame;
    }
    const auto units = sink.units();
    RC_ASSERT(units.size() == expected.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      RC_ASSERT(units[i]->payload == expected[i]);
      RC_ASSERT(!units[i]->is_damaged);
    }
  }));
}

}  // namespace
}  // namespace longtake::rtsp
