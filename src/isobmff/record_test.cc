#include "isobmff/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/crc32c.h"
#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

Record some_record() {
  Record record;
  record.recording.value = 0xfedcba9876543210;
  record.segment = {media::RunId{83'886'083}, 12};
  record.number = 7;
  record.payload_crc = 0x11223344;
  record.previous_crc = 0x55667788;
  media::FragmentEntry& entry = record.entry;
  entry.offset_bytes = 123'456;
  entry.record_bytes = 200;
  entry.head_bytes = 200 + 300 + 8;
  entry.size_bytes = 200 + 300 + 8 + 40'000;
  entry.track = 1;
  entry.sample_count = 15;
  entry.media_start_ticks = 540'000;
  entry.duration_ticks = 90'000;
  entry.run_offset_us = 6'000'001;
  entry.wall_start = WallTime(microseconds(1'769'862'896'123'456));
  entry.wall_duration = microseconds(1'000'000);
  entry.bridge = microseconds(33'333);
  entry.wall_uncertainty = microseconds(20'000);
  entry.composition_ticks = 6'000;
  entry.is_sync = entry.is_damaged = true;
  return record;
}

Bytes encoded(Record& record) {
  Bytes bytes;
  encode_record(record, bytes);
  return bytes;
}

TEST(Record, ReadsBackAsWritten) {
  Record record = some_record();
  const Bytes bytes = encoded(record);
  EXPECT_EQ(bytes.size(), 200u);
  const Record read = read_record(bytes, 123'456).value();
  EXPECT_EQ(read.entry, record.entry);
  EXPECT_EQ(read.recording, record.recording);
  EXPECT_EQ(read.segment, record.segment);
  EXPECT_EQ(read.number, 7u);
  EXPECT_EQ(read.payload_crc, 0x11223344u);
  EXPECT_EQ(read.previous_crc, 0x55667788u);
  EXPECT_EQ(read.own_crc, record.own_crc);
}

TEST(Record, KeepsEveryFlagApart) {
  for (unsigned flags = 0; flags < 32; ++flags) {
    media::FragmentEntry entry;
    set_flags(entry, static_cast<std::uint16_t>(flags));
    EXPECT_EQ(to_flags(entry), flags);
  }
}

TEST(Record, Host07_AnyFlippedBitIsFound) {
  Record record = some_record();
  Bytes bytes = encoded(record);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto read = read_record(bytes, 0);
    ASSERT_FALSE(read.has_value()) << "bit " << bit;
    ASSERT_EQ(read.error().code(), ErrorCode::kDataLoss) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
  }
}

TEST(Record, CutAtAnyByteIsDataLoss) {
  Record record = some_record();
  const Bytes bytes = encoded(record);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_record(ByteSpan(bytes).first(size), 0).has_value());
  }
}

// Recovery must never cut a file for being newer than the program.
TEST(Record, Host26_OfALaterVersionIsAPreconditionThatFailsAndNotDamage) {
  Record record = some_record();
  Bytes bytes = encoded(record);
  bytes[kUuidHeaderBytes] = std::byte{kRecordVersion + 1};
  ByteWriter(bytes).patch_u32(bytes.size() - kCrcBytes,
                              base::crc32c(ByteSpan(bytes).first(bytes.size() - kCrcBytes)));
  const auto read = read_record(bytes, 0);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code(), ErrorCode::kFailedPrecondition);
}

TEST(Record, WithAbsurdFieldsUnderARightCrcIsDataLoss) {
  // Bytes of moof, of mdat, sample count; top bits of media start and wall start.
  for (const std::size_t at : {52u, 56u, 60u, 72u, 88u}) {
    Record record = some_record();
    Bytes bytes = encoded(record);
    ByteWriter out(bytes);
    out.patch_u32(at, 0x7fffffff);
    out.patch_u32(bytes.size() - kCrcBytes,
                  base::crc32c(ByteSpan(bytes).first(bytes.size() - kCrcBytes)));
    const auto read = read_record(bytes, 0);
    ASSERT_FALSE(read.has_value()) << at;
    EXPECT_EQ(read.error().code(), ErrorCode::kDataLoss) << at;
  }
}

TEST(Record, SaturatesLengthsThatItsFieldsCannotHold) {
  media::FragmentEntry entry = some_record().entry;
  entry.wall_uncertainty = std::chrono::hours(24);
  entry.bridge = std::chrono::hours(24);
  const auto stored = as_stored(entry).value();
  EXPECT_EQ(stored.wall_uncertainty, microseconds(0xffffffff));
  EXPECT_EQ(stored.bridge, microseconds(0xffffffff));
  EXPECT_EQ(stored.wall_duration, entry.wall_duration);
}

TEST(Record, RefusesNegativeTimesAndLengths) {
  const auto refused = [](auto change) {
    media::FragmentEntry entry = some_record().entry;
    change(entry);
    return !as_stored(entry).has_value();
  };
  EXPECT_TRUE(refused([](auto& entry) { entry.media_start_ticks = -1; }));
  EXPECT_TRUE(refused([](auto& entry) { entry.composition_ticks = -1; }));
  EXPECT_TRUE(refused([](auto& entry) { entry.duration_ticks = 0x100000000; }));
  EXPECT_TRUE(refused([](auto& entry) { entry.wall_duration = microseconds(-1); }));
  EXPECT_TRUE(refused([](auto& entry) { entry.bridge = microseconds(-1); }));
  EXPECT_TRUE(refused([](auto& entry) { entry.sample_count = 0; }));
  EXPECT_TRUE(refused([](auto& entry) { entry.track = 0; }));
}

RC_GTEST_PROP(Record, WhateverIsStorableReadsBackEqual, ()) {
  Record record = some_record();
  record.recording.value = *rc::gen::arbitrary<std::uint64_t>();
  record.segment = {media::RunId{*rc::gen::arbitrary<std::uint64_t>()},
                    *rc::gen::arbitrary<std::uint32_t>()};
  record.number = *rc::gen::arbitrary<std::uint32_t>();
  media::FragmentEntry& entry = record.entry;
  set_flags(entry, static_cast<std::uint16_t>(*rc::gen::inRange(0, 32)));
  entry.track = static_cast<media::TrackId>(*rc::gen::inRange(1, 256));
  entry.record_bytes = *rc::gen::inRange<std::uint32_t>(kMinRecordBytes, kMaxRecordBytes + 1);
  entry.head_bytes = entry.record_bytes + 16 + *rc::gen::inRange<std::uint32_t>(0, 1'000'000);
  entry.size_bytes =
      entry.head_bytes + *rc::gen::inRange<std::uint32_t>(0, limits::kFragmentBytes + 1);
  entry.sample_count = *rc::gen::inRange<std::uint32_t>(1, kMaxSamplesPerFragment + 1);
  entry.media_start_ticks = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 62U);
  entry.duration_ticks = *rc::gen::arbitrary<std::uint32_t>();
  entry.composition_ticks = *rc::gen::arbitrary<std::uint32_t>();
  entry.run_offset_us = *rc::gen::inRange(-(std::int64_t{1} << 62U), std::int64_t{1} << 62U);
  entry.wall_start =
      WallTime(microseconds(*rc::gen::inRange(-(std::int64_t{1} << 62U), std::int64_t{1} << 62U)));
  entry.wall_duration = microseconds(*rc::gen::arbitrary<std::uint32_t>());
  entry.bridge = microseconds(*rc::gen::arbitrary<std::uint32_t>());
  entry.wall_uncertainty = microseconds(*rc::gen::arbitrary<std::uint32_t>());
  const Bytes bytes = encoded(record);
  const auto read = read_record(bytes, entry.offset_bytes);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->entry == entry);
  RC_ASSERT(read->recording == record.recording && read->segment == record.segment);
}

}  // namespace
}  // namespace longtake::isobmff
