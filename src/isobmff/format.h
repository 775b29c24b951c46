#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/limits.h"

/// The bytes of a segment file that are ours: every number and offset of the format, and its
/// manual.
///
///     ftyp  moov(mvex, one trak per track)
///     then per fragment:  uuid(record)  moof(one track, one traf)  mdat
///     at an orderly close: uuid(summary)  mfra(tfra per track, mfro)
///
/// All numbers are big-endian. Times are ticks of the track's timescale, or microseconds; wall
/// times are UTC microseconds since 1970. The rules behind the layout are in
/// docs/design/segments.md.
///
/// Both boxes of ours keep these for ever, so that any version can tell a newer one from damage:
/// bytes 0 to 23 (size, 'uuid', the UUID), byte 24 (version), and the last four (CRC32C of all
/// bytes of the box before them).
///
/// record, version 1
///
///      at  type  field
///       0  u32   box size, padding and CRC included: 124 to kMaxRecordBytes
///       4  u32   'uuid'
///       8  u8x16 kRecordUuid
///      24  u8    version, 1
///      25  u8    track, 1 to 255
///      26  u16   flags, see RecordFlag; a reader ignores those it does not know
///      28  u64   recording id
///      36  u64   run
///      44  u32   segment sequence within the run, from 1
///      48  u32   fragment number within the file, from 1; also moof's mfhd sequence
///      52  u32   bytes of moof
///      56  u32   bytes of mdat, header included
///      60  u32   sample count, from 1
///      64  u32   CRC32C of moof and mdat
///      68  u32   CRC of the previous record; in the first record: CRC32C of ftyp + moov
///      72  i64   media start: tfdt, ticks from 0 in each file
///      80  i64   offset of its start from the run's start on the monotonic clock, us
///      88  i64   wall start of its first presented moment, us
///      96  u32   duration, ticks
///     100  u32   wall duration, us
///     104  u32   bridge: time before the wall start that counts as covered, us
///     108  u32   uncertainty of the wall start, us
///     112  u32   composition offset (PTS - DTS) of its first sample, ticks
///     116  u32   0, reserved
///     120  ...   padding: zeros
///    last  u32   CRC32C of the box before it
///
/// summary, version 1: the fragment index; the tracks are in moov
///
///      at  type  field
///       0  u32   box size
///       4  u32   'uuid'
///       8  u8x16 kSummaryUuid
///      24  u8    version, 1
///      25  u8    0
///      26  u16   bytes of one entry, 61
///      28  u64   recording id
///      36  u64   run
///      44  u32   segment sequence
///      48  u32   number of fragments
///      52  u64   bytes of ftyp + moov: the first fragment begins there, each further one where the
///      one before ends 60  u32   CRC of the last record; without fragments: CRC32C of ftyp + moov
///      64  ...   entries
///  last 8  u32   box size once more: found from the end of the file (mfro gives mfra's size, this
///  is before mfra) last 4  u32   CRC32C of the box before it
///
/// one entry of the summary
///
///       0  u8    track              25  u32   duration, ticks
///       1  u16   flags              29  i64   run offset, us
///       3  u16   record bytes       37  i64   wall start, us
///       5  u32   head bytes         45  u32   wall duration, us
///       9  u32   fragment bytes     49  u32   bridge, us
///      13  u32   sample count       53  u32   wall uncertainty, us
///      17  i64   media start        57  u32   composition offset, ticks
namespace longtake::isobmff {

/// Random UUIDs (RFC 4122 version 4), ours alone.
using Uuid = std::array<std::uint8_t, 16>;
inline constexpr Uuid kRecordUuid = {  // 852eb6bd-c9c1-4d05-8b62-9132b60aaee8
    0x85, 0x2e, 0xb6, 0xbd, 0xc9, 0xc1, 0x4d, 0x05, 0x8b, 0x62, 0x91, 0x32, 0xb6, 0x0a, 0xae, 0xe8};
inline constexpr Uuid kSummaryUuid = {  // b7855c3a-1995-4131-941c-5baec2ad2254
    0xb7, 0x85, 0x5c, 0x3a, 0x19, 0x95, 0x41, 0x31, 0x94, 0x1c, 0x5b, 0xae, 0xc2, 0xad, 0x22, 0x54};

inline constexpr std::uint8_t kRecordVersion = 1;
inline constexpr std::uint8_t kSummaryVersion = 1;

inline constexpr std::size_t kBoxHeaderBytes = 8;
inline constexpr std::size_t kUuidHeaderBytes = 24;
inline constexpr std::size_t kRecordFieldBytes = 120;
inline constexpr std::size_t kCrcBytes = 4;
inline constexpr std::size_t kMinRecordBytes = kRecordFieldBytes + kCrcBytes;  // without padding
inline constexpr std::size_t kSummaryHeadBytes = 64;
inline constexpr std::size_t kSummaryEntryBytes = 61;
inline constexpr std::size_t kSummaryTrailerBytes = 8;

/// Rule 4: what a page of the file system holds whole or not at all.
inline constexpr std::size_t kPageBytes = 4096;
/// A record may be padded to the next page, and on to the place where the record after it fits.
inline constexpr std::size_t kMaxRecordBytes = 2 * kPageBytes;

enum RecordFlag : std::uint16_t {
  kFlagSync = 1U << 0U,     // begins with a sync sample
  kFlagOffKey = 1U << 1U,   // first video fragment of a segment that had to be cut off a key frame
  kFlagDamaged = 1U << 2U,  // packets are missing inside
  kFlagEvent = 1U << 3U,    // recorded for an event
  kFlagTimeUncertain = 1U << 4U,  // spaced by receipt: the media clock's rate cannot be right
};

/// ISO/IEC 14496-12 §8.8.3.1: depends on no other sample; and: depends on others and is not a sync
/// sample.
inline constexpr std::uint32_t kSyncSampleFlags = 0x02000000;
inline constexpr std::uint32_t kNonSyncSampleFlags = 0x01010000;

// Limits on what a file can make us hold.
inline constexpr std::size_t kMaxInitBytes = 1024 * 1024;  // ftyp + moov
inline constexpr std::size_t kMaxSamplesPerFragment =
    1U << 17U;  // a second of G.711 in one-byte samples fits
inline constexpr std::size_t kMaxMoofBytes = 256 + 16 * kMaxSamplesPerFragment;
inline constexpr std::size_t kMaxMdatBytes = kBoxHeaderBytes + limits::kFragmentBytes;
inline constexpr std::size_t kMaxFragments = 1U << 20U;  // of one segment
/// What is read at once from the end of a file to find the summary; mfra must fit in it (1,700
/// entries).
inline constexpr std::size_t kClosingReadBytes = 32 * 1024;

}  // namespace longtake::isobmff
