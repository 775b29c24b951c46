#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "media/fragment_index.h"

/// Reading a segment file: what is in it, and up to where it can be believed.
namespace longtake::isobmff {

enum class Check : std::uint8_t {
  kRecords,  // the records' own CRCs, their chain and sizes; for a file that was scanned or closed
             // before
  kAll,      // and the CRC of every moof and mdat: reads the whole file
};

/// Why a walk went no further.
enum class Stop : std::uint8_t {
  kEnd,          // the file ends with a whole fragment (or with its init segment)
  kClosing,      // a summary begins here: closed in order, or torn in closing
  kZeros,        // nothing but zeros up to the end: space reserved and never written
  kTornHead,     // the file ends inside a record
  kTornPayload,  // the file ends inside a moof or mdat
  kBadRecord,    // a record that is damaged
  kBadPayload,   // a moof or mdat that is damaged
  kBrokenChain,  // a whole record of another file, or out of its place
  kForeignBox,   // something else
};
std::string_view to_string(Stop stop);  // "torn_head"

struct Walk {
  media::FragmentIndex index;  // what holds; without a fragment it has no recording and segment id
  Stop stop = Stop::kEnd;
  std::uint64_t stop_bytes =
      0;  // where: the end of the last whole fragment, or of the init segment
  std::uint64_t file_bytes = 0;
  std::uint32_t last_crc = 0;  // of the last record; before the first: of the init segment
  std::string detail;          // in words, for a log line or a finding
};

/// Walks the records from the init segment on and stops at the first thing that does not hold.
/// Recovery cuts the file at `stop_bytes`, unless it stopped at its end or its closing holds.
///
/// Limits     holds the index and at most 256 KiB of the file.
/// Errors     kDataLoss: no init segment of ours: nothing in the file can be used.
///            kFailedPrecondition: written by a later version, to be left alone. What the file
///            gives on reading.
Result<Walk> walk(base::File& file, Check check);
Result<Walk> walk(ByteSpan file, Check check);

enum class IndexSource : std::uint8_t { kSummary, kRecords };

struct ReadIndex {
  media::FragmentIndex index;
  IndexSource source = IndexSource::kSummary;
};

/// The index from the summary where it can be believed (three reads) and the init segment and first
/// record bear it out, else by walking with `check`.
/// Errors     as walk.
Result<ReadIndex> read_index(base::File& file, Check check = Check::kAll);

}  // namespace longtake::isobmff
