#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/track.h"

/// The init segment: ftyp + moov, with which each segment file begins.
namespace longtake::isobmff {

/// One trak per track, in the order given; all durations 0, no edit list (rule 2), no mehd. The
/// same tracks give the same bytes. Where the first record would straddle a 4 KiB boundary, moov
/// ends in a `free` box (rule 4).
///
/// Errors     kInvalidArgument: no track, a track id twice or 0, timescale 0, a configuration
///            without a sample entry.
/// Source     ISO/IEC 14496-12 §8.2-8.5, §8.8.1-8.8.3; docs/design/segments.md.
Result<Bytes> make_init(std::span<const media::TrackConfigPtr> tracks);

struct Init {
  std::vector<media::TrackConfigPtr> tracks;
  std::uint64_t bytes = 0;  // of ftyp + moov
};

/// Reads what make_init wrote; bytes behind moov are not looked at. `reorder_depth` is not stored
/// and comes back as 0.
///
/// Limits     ftyp + moov of at most kMaxInitBytes.
/// Errors     kDataLoss: not an init segment of ours, or damaged. kFailedPrecondition: a codec of a
///            later version.
Result<Init> parse_init(ByteSpan file_start);

/// The size of ftyp + moov; the first page of the file (or all of a shorter file) is enough to
/// tell.
///
/// Errors     kDataLoss: the file does not begin with ftyp and moov.
Result<std::uint64_t> init_size(ByteSpan file_start);

}  // namespace longtake::isobmff
