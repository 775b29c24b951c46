#include "isobmff/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

constexpr std::int64_t kMost32 = std::numeric_limits<std::uint32_t>::max();
// Far from the ends of 64 bits, so that sums of what a file says cannot overflow: 146,000 years.
constexpr std::int64_t kMostTime = std::int64_t{1} << 62U;

bool is_sane_time(std::int64_t value) { return value >= -kMostTime && value <= kMostTime; }

microseconds saturated(microseconds length) { return std::min(length, microseconds(kMost32)); }

std::uint32_t low32(std::int64_t value) { return static_cast<std::uint32_t>(value); }

bool is_storable(const media::FragmentEntry& entry) {
  return entry.track != 0 && entry.sample_count >= 1 &&
         entry.sample_count <= kMaxSamplesPerFragment && entry.media_start_ticks >= 0 &&
         entry.media_start_ticks <= kMostTime && entry.duration_ticks >= 0 &&
         entry.duration_ticks <= kMost32 && entry.composition_ticks >= 0 &&
         entry.composition_ticks <= kMost32 && is_sane_time(entry.run_offset_us) &&
         is_sane_time(entry.wall_start.time_since_epoch().count()) &&
         entry.wall_duration.count() >= 0 && entry.bridge.count() >= 0 &&
         entry.wall_uncertainty.count() >= 0;
}

}  // namespace

Result<media::FragmentEntry> as_stored(media::FragmentEntry entry) {
  if (!is_storable(entry)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("track {}: {} samples from tick {} for {} ticks, {} us from wall {} us: a time "
                    "or count is "
                    "out of the range a record can hold",
                    entry.track, entry.sample_count, entry.media_start_ticks, entry.duration_ticks,
                    entry.wall_duration.count(), entry.wall_start.time_since_epoch().count()));
  }
  entry.wall_duration = saturated(entry.wall_duration);
  entry.bridge = saturated(entry.bridge);
  entry.wall_uncertainty = saturated(entry.wall_uncertainty);
  return entry;
}

bool is_whole(const media::FragmentEntry& entry) {
  return entry.record_bytes >= kMinRecordBytes && entry.record_bytes <= kMaxRecordBytes &&
         entry.head_bytes >= entry.record_bytes + 2 * kBoxHeaderBytes &&
         entry.size_bytes >= entry.head_bytes && moof_bytes(entry) <= kMaxMoofBytes &&
         mdat_bytes(entry) <= kMaxMdatBytes && is_storable(entry);
}

std::uint16_t to_flags(const media::FragmentEntry& entry) {
  unsigned flags = 0;
  if (entry.is_sync) flags |= kFlagSync;
  if (entry.is_off_key) flags |= kFlagOffKey;
  if (entry.is_damaged) flags |= kFlagDamaged;
  if (entry.is_event) flags |= kFlagEvent;
  if (entry.is_time_uncertain) flags |= kFlagTimeUncertain;
  return static_cast<std::uint16_t>(flags);
}

void set_flags(media::FragmentEntry& entry, std::uint16_t flags) {
  entry.is_sync = (flags & kFlagSync) != 0;
  entry.is_off_key = (flags & kFlagOffKey) != 0;
  entry.is_damaged = (flags & kFlagDamaged) != 0;
  entry.is_event = (flags & kFlagEvent) != 0;
  entry.is_time_uncertain = (flags & kFlagTimeUncertain) != 0;
}

void encode_record(Record& record, Bytes& out) {
  LT_CHECK(is_whole(record.entry));
  const std::size_t start = out.size();
  const media::FragmentEntry& entry = record.entry;
  ByteWriter writer(out);
  write_uuid_header(writer, entry.record_bytes, kRecordUuid);
  writer.u8(kRecordVersion).u8(entry.track).u16(to_flags(entry));
  writer.u64(record.recording.value)
      .u64(record.segment.run.value)
      .u32(record.segment.sequence)
      .u32(record.number);
  writer.u32(moof_bytes(entry)).u32(mdat_bytes(entry)).u32(entry.sample_count);
  writer.u32(record.payload_crc).u32(record.previous_crc);
  writer.i64(entry.media_start_ticks).i64(entry.run_offset_us);
  writer.i64(entry.wall_start.time_since_epoch().count());
  writer.u32(low32(entry.duration_ticks)).u32(low32(entry.wall_duration.count()));
  writer.u32(low32(entry.bridge.count())).u32(low32(entry.wall_uncertainty.count()));
  writer.u32(low32(entry.composition_ticks)).u32(0);
  writer.zeros(entry.record_bytes - kMinRecordBytes);
  record.own_crc = base::crc32c(ByteSpan(out).subspan(start));
  writer.u32(record.own_crc);
}

namespace {

/// The fields behind the header of a version 1 record whose CRC holds: no read here can fail.
Record read_fields(ByteSpan box, std::uint64_t offset_bytes) {
  Record record;
  media::FragmentEntry& entry = record.entry;
  Cursor cursor(box);
  cursor.skip(kUuidHeaderBytes + 1);
  const auto u32 = [&cursor] { return *cursor.u32(); };
  const auto i64 = [&cursor] { return static_cast<std::int64_t>(*cursor.u64()); };
  entry.track = *cursor.u8();
  set_flags(entry, *cursor.u16());
  record.recording.value = *cursor.u64();
  record.segment.run.value = *cursor.u64();
  record.segment.sequence = u32();
  record.number = u32();
  // In 64 bits and cut to 32 only once they are known to fit.
  const std::uint64_t moof = u32();
  const std::uint64_t mdat = u32();
  if (moof <= kMaxMoofBytes && mdat <= kMaxMdatBytes) {
    entry.record_bytes = static_cast<std::uint32_t>(box.size());
    entry.head_bytes = static_cast<std::uint32_t>(box.size() + moof + kBoxHeaderBytes);
    entry.size_bytes = static_cast<std::uint32_t>(box.size() + moof + mdat);
  }
  entry.sample_count = u32();
  record.payload_crc = u32();
  record.previous_crc = u32();
  entry.media_start_ticks = i64();
  entry.run_offset_us = i64();
  entry.wall_start = WallTime(microseconds(i64()));
  entry.duration_ticks = u32();
  entry.wall_duration = microseconds(u32());
  entry.bridge = microseconds(u32());
  entry.wall_uncertainty = microseconds(u32());
  entry.composition_ticks = u32();
  entry.offset_bytes = offset_bytes;
  return record;
}

}  // namespace

Result<Record> read_record(ByteSpan bytes, std::uint64_t offset_bytes) {
  if (!is_uuid_box(bytes, kRecordUuid)) return fail(ErrorCode::kDataLoss, "not a record");
  const std::size_t size = peek_box_header(bytes)->size;
  if (size < kUuidHeaderBytes + 1 + kCrcBytes || size > kMaxRecordBytes || size > bytes.size()) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("a record of {} bytes, {} are there", size, bytes.size()));
  }
  const ByteSpan box = bytes.first(size);
  const std::uint32_t crc = *Cursor(box.last(kCrcBytes)).u32();
  if (base::crc32c(box.first(size - kCrcBytes)) != crc) {
    return fail(ErrorCode::kDataLoss, "the record's own CRC does not hold");
  }
  if (const auto version = std::to_integer<unsigned>(box[kUuidHeaderBytes]);
      version > kRecordVersion) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("record version {}; this version of longtake knows {}: use a newer one",
                            version, kRecordVersion));
  } else if (version != kRecordVersion || size < kMinRecordBytes) {
    return fail(ErrorCode::kDataLoss, fmt::format("record version {} of {} bytes", version, size));
  }
  Record record = read_fields(box, offset_bytes);
  record.own_crc = crc;
  if (!is_whole(record.entry)) {
    return fail(ErrorCode::kDataLoss, "the record's sizes or times are absurd");
  }
  return record;
}

}  // namespace longtake::isobmff
