#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "isobmff/format.h"
#include "media/fragment_index.h"

/// The record: our uuid box before each moof. With it a file is its own log: who, when, how long,
/// and whether whole.
namespace longtake::isobmff {

/// What a record says. The layout is in isobmff/format.h.
struct Record {
  media::RecordingId recording;
  media::SegmentId segment;
  std::uint32_t number = 0;       // of the fragment within the file, from 1
  std::uint32_t payload_crc = 0;  // CRC32C of moof and mdat
  std::uint32_t previous_crc =
      0;  // own_crc of the record before; in the first record: CRC32C of ftyp + moov
  std::uint32_t own_crc = 0;   // what encode_record wrote, or read_record found right
  media::FragmentEntry entry;  // its `offset_bytes` is not stored
};

inline std::uint32_t moof_bytes(const media::FragmentEntry& entry) {
  return entry.head_bytes - entry.record_bytes - static_cast<std::uint32_t>(kBoxHeaderBytes);
}
/// Header included.
inline std::uint32_t mdat_bytes(const media::FragmentEntry& entry) {
  return entry.size_bytes - entry.head_bytes + static_cast<std::uint32_t>(kBoxHeaderBytes);
}

/// The entry as a record and a summary can hold it: wall duration, bridge and uncertainty saturate
/// at 2^32-1 us (71 min).
///
/// Errors     kInvalidArgument: a negative length, a media start before 0, a length or composition
///            offset of more than 2^32-1 ticks, no sample or more than kMaxSamplesPerFragment,
///            track 0, times beyond 2^62.
Result<media::FragmentEntry> as_stored(media::FragmentEntry entry);

/// Its sizes, times and counts are ones a fragment can have: no sum of them leaves its type.
bool is_whole(const media::FragmentEntry& entry);

/// Appends the box, `record.entry.record_bytes` bytes, and sets
/// `record.own_crc`. The entry is_whole.
void encode_record(Record& record, Bytes& out);

/// Reads the record at the start of `bytes`, whose box begins at `offset_bytes` of its file.
///
/// Errors     kDataLoss: not a record, not whole, damaged, or absurd. kFailedPrecondition: whole,
///            but of a later version.
Result<Record> read_record(ByteSpan bytes, std::uint64_t offset_bytes);

std::uint16_t to_flags(const media::FragmentEntry& entry);
void set_flags(media::FragmentEntry& entry, std::uint16_t flags);

}  // namespace longtake::isobmff
