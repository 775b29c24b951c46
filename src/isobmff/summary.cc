#include "isobmff/summary.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/record.h"

namespace longtake::isobmff {
namespace {

std::uint32_t low32(std::int64_t value) { return static_cast<std::uint32_t>(value); }

void write_entry(ByteWriter& out, const media::FragmentEntry& entry) {
  out.u8(entry.track).u16(to_flags(entry)).u16(static_cast<std::uint16_t>(entry.record_bytes));
  out.u32(entry.head_bytes).u32(entry.size_bytes).u32(entry.sample_count);
  out.i64(entry.media_start_ticks).u32(low32(entry.duration_ticks));
  out.i64(entry.run_offset_us).i64(entry.wall_start.time_since_epoch().count());
  out.u32(low32(entry.wall_duration.count())).u32(low32(entry.bridge.count()));
  out.u32(low32(entry.wall_uncertainty.count())).u32(low32(entry.composition_ticks));
}

/// The cursor has kSummaryEntryBytes left: no read here can fail.
media::FragmentEntry read_entry(Cursor& cursor) {
  media::FragmentEntry entry;
  const auto u32 = [&cursor] { return *cursor.u32(); };
  const auto i64 = [&cursor] { return static_cast<std::int64_t>(*cursor.u64()); };
  entry.track = *cursor.u8();
  set_flags(entry, *cursor.u16());
  entry.record_bytes = *cursor.u16();
  entry.head_bytes = u32();
  entry.size_bytes = u32();
  entry.sample_count = u32();
  entry.media_start_ticks = i64();
  entry.duration_ticks = u32();
  entry.run_offset_us = i64();
  entry.wall_start = WallTime(microseconds(i64()));
  entry.wall_duration = microseconds(u32());
  entry.bridge = microseconds(u32());
  entry.wall_uncertainty = microseconds(u32());
  entry.composition_ticks = u32();
  return entry;
}

}  // namespace

Bytes encode_summary(const media::FragmentIndex& index, std::uint32_t last_record_crc) {
  const std::size_t size =
      kSummaryHeadBytes + kSummaryEntryBytes * index.fragments.size() + kSummaryTrailerBytes;
  Bytes box;
  box.reserve(size);
  ByteWriter out(box);
  write_uuid_header(out, static_cast<std::uint32_t>(size), kSummaryUuid);
  out.u8(kSummaryVersion).u8(0).u16(kSummaryEntryBytes);
  out.u64(index.recording.value).u64(index.segment.run.value).u32(index.segment.sequence);
  out.u32(static_cast<std::uint32_t>(index.fragments.size()))
      .u64(index.init_bytes)
      .u32(last_record_crc);
  for (const media::FragmentEntry& entry : index.fragments) write_entry(out, entry);
  out.u32(static_cast<std::uint32_t>(size));
  out.u32(base::crc32c(box));
  return box;
}

Result<Summary> read_summary(ByteSpan box) {
  if (!is_uuid_box(box, kSummaryUuid) || peek_box_header(box)->size != box.size() ||
      box.size() < kSummaryHeadBytes + kSummaryTrailerBytes) {
    return fail(ErrorCode::kDataLoss, "not a whole summary");
  }
  if (base::crc32c(box.first(box.size() - kCrcBytes)) != *Cursor(box.last(kCrcBytes)).u32()) {
    return fail(ErrorCode::kDataLoss, "the summary's CRC does not hold");
  }
  Cursor cursor(box.first(box.size() - kSummaryTrailerBytes));
  cursor.skip(kUuidHeaderBytes);
  if (const unsigned version = *cursor.u8(); version > kSummaryVersion) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("summary version {}; this version of longtake knows {}", version,
                            kSummaryVersion));
  } else if (version != kSummaryVersion || *cursor.u8() != 0 ||
             *cursor.u16() != kSummaryEntryBytes) {
    return fail(ErrorCode::kDataLoss, "the summary's head is not that of version 1");
  }
  Summary summary;
  summary.index.recording.value = *cursor.u64();
  summary.index.segment.run.value = *cursor.u64();
  summary.index.segment.sequence = *cursor.u32();
  const std::size_t count = *cursor.u32();
  summary.index.init_bytes = *cursor.u64();
  summary.last_record_crc = *cursor.u32();
  if (count > kMaxFragments || cursor.remaining() != count * kSummaryEntryBytes ||
      summary.index.init_bytes > kMaxInitBytes) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("a summary of {} fragments in {} bytes", count, box.size()));
  }
  summary.index.fragments.reserve(count);
  std::uint64_t offset = summary.index.init_bytes;
  while (!cursor.is_at_end()) {
    media::FragmentEntry entry = read_entry(cursor);
    entry.offset_bytes = offset;
    offset += entry.size_bytes;
    if (!is_whole(entry)) {
      return fail(ErrorCode::kDataLoss, "the summary holds an absurd fragment");
    }
    summary.index.fragments.push_back(entry);
  }
  return summary;
}

}  // namespace longtake::isobmff
