#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "isobmff/samples.h"
#include "playback/clip_plan.h"

/// What comes before a clip's samples: ftyp, moov and the header of mdat. The tables' lengths follow from the plan; their
/// rows are made later, fragment by fragment.
namespace longtake::playback {

/// The rows of one sample table of one track.
struct ClipTable {
  enum class Kind : std::uint8_t {
    kDuration,     // stts, one row a sample: 8 bytes
    kComposition,  // ctts, one row a sample: 8 bytes
    kSync,         // stss, one row a sync sample: 4 bytes
    kSize,         // stsz, one row a sample: 4 bytes
    kChunk,        // stsc, one row a fragment: 12 bytes
    kOffset,       // co64, one row a fragment: 8 bytes
  };
  Kind kind = Kind::kDuration;
  std::size_t track = 0;
};

struct ClipPiece {
  std::uint64_t start = 0;
  std::shared_ptr<const Bytes> bytes;  // or
  std::optional<ClipTable> table;
};

struct ClipHead {
  std::vector<ClipPiece> pieces;
  std::uint64_t size_bytes = 0;  // the first sample lies here
};

ClipHead make_clip_head(const ClipPlan& plan);

/// Where the rows of a fragment begin within a table; `chunk` is its number on the track.
std::uint64_t row_start(ClipTable::Kind kind, const ClipFragment& fragment, std::size_t chunk);

/// How long each sample lasts, so that the next fragment begins where the plan says: the last one takes up the
/// difference, and those before it what is more than it has.
std::vector<std::uint32_t> durations_of(const ClipFragment& fragment,
                                        std::span<const isobmff::Sample> samples);

}  // namespace longtake::playback
