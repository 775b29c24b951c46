#include "store/fact_codec.h"

#include <gtest/gtest.h>

#include <utility>

#include "store/test_support.h"

namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words

std::vector<Fact> one_of_each() {
  const media::SegmentId id = segment_id(5'000'003, 12);
  return {ProcessStarted{7, "boot", at(1)},
          ProcessStopped{7, at(2)},
          RecordingCreated{kFront, "front", at(3)},
          Armed{kFront, at(4)},
          Disarmed{kBack, at(5)},
          RunStarted{kFront, id.run, at(6), microseconds(1500), true, "session"},
          RunRedated{kFront, id.run, microseconds(-9)},
          SegmentOpened{kFront, id, "20260131", at(8)},
          SegmentClosed{kFront, id, "20260131", 7'340'032, {range(8, 20), range(25, 40)}, true},
          SegmentDeleted{kFront, id, media::Reason::kOperatorDelete, {range(8, 20)}},
          GapOpened{kFront, at(40), media::Reason::kDiskFull, "no space left"},
          GapClosed{kFront, at(50)},
          GapNoted{kFront, range(60, 61), media::Reason::kCrash, ""},
          DegradedNoted{kFront, range(8, 12), media::Reason::kPacketLoss, 17}};
}

Bytes encoded(const Fact& fact) {
  Bytes payload;
  encode_fact(fact, payload);
  return payload;
}

TEST(FactCodec, EveryKindOfFactComesBackAsItWas) {
  const std::vector<Fact> facts = one_of_each();
  ASSERT_EQ(facts.size(), std::variant_size_v<Fact>);
  for (const Fact& fact : facts) {
    EXPECT_EQ(value_of(decode_fact(type_of(fact), kFactVersion, encoded(fact))), fact);
  }
}

TEST(FactCodec, FieldsThatANewerVersionAddedAreSkipped) {
  for (const Fact& fact : one_of_each()) {
    Bytes payload = encoded(fact);
    ByteWriter(payload).u64(1).text("added in version 2");
    EXPECT_EQ(value_of(decode_fact(type_of(fact), 2, payload)), fact);
  }
}

TEST(FactCodec, ATypeOfANewerVersionIsUnknownAndNoDamage) {
  EXPECT_EQ(value_of(decode_fact(999, 1, {})), std::nullopt);
  EXPECT_EQ(value_of(decode_fact(0, 1, {})), std::nullopt);
}

TEST(FactCodec, AReasonOfANewerVersionIsUnknownAndNoDamage) {
  Bytes payload = encoded(GapOpened{kFront, at(1), media::Reason::kCrash, ""});
  payload[16] = std::byte{200};
  EXPECT_EQ(value_of(decode_fact(type_of(GapOpened{}), 1, payload)), std::nullopt);
}

TEST(FactCodec, Cat08_APayloadCutAnywhereIsDamageAndNotAShorterFact) {
  for (const Fact& fact : one_of_each()) {
    const Bytes payload = encoded(fact);
    for (std::size_t length = 0; length < payload.size(); ++length) {
      const auto decoded =
          decode_fact(type_of(fact), kFactVersion, ByteSpan(payload).first(length));
      ASSERT_FALSE(decoded.has_value()) << "type " << type_of(fact) << ", " << length << " bytes";
      EXPECT_EQ(decoded.error().code(), ErrorCode::kDataLoss);
    }
  }
}

TEST(FactCodec, ATextIsCutAtItsLimitAndNotPastIt) {
  const auto detail_of = [](std::size_t length) {
    const Fact fact = GapOpened{kFront, at(1), media::Reason::kCrash, std::string(length, 'x')};
    const auto decoded = value_of(decode_fact(type_of(fact), kFactVersion, encoded(fact)));
    return std::get<GapOpened>(decoded.value()).detail.size();
  };
  EXPECT_EQ(detail_of(kFactTextBytes), kFactTextBytes);
  EXPECT_EQ(detail_of(kFactTextBytes + 1), kFactTextBytes);
}

TEST(FactCodec, OfASpanListOnlySoManyAreClaimed) {
  const auto spans_of = [](std::size_t count) {
    std::vector<TimeRange> spans;
    for (std::size_t i = 0; i < count; ++i) {
      const auto second = static_cast<std::int64_t>(i) * 2;
      spans.push_back(range(second, second + 1));
    }
    const Fact fact = closed(kFront, segment_id(1, 1), spans);
    const auto decoded = value_of(decode_fact(type_of(fact), kFactVersion, encoded(fact)));
    return std::get<SegmentClosed>(decoded.value()).spans.size();
  };
  EXPECT_EQ(spans_of(kFactSpans), kFactSpans);
  EXPECT_EQ(spans_of(kFactSpans + 1), kFactSpans);
}

}  // namespace
}  // namespace longtake::store
