#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "isobmff/format.h"
#include "media/fragment_index.h"

/// The summary: our uuid box behind the last fragment of a closed segment, 61 bytes a fragment, so
/// that nobody need walk the records. Layout in isobmff/format.h.
namespace longtake::isobmff {

struct Summary {
  media::FragmentIndex index;  // without tracks: moov has them
  std::uint32_t last_record_crc = 0;
};

/// The box. The entries are ones FragmentBuilder or a reader gave, from `index.init_bytes` on
/// without a hole.
Bytes encode_summary(const media::FragmentIndex& index, std::uint32_t last_record_crc);

/// Reads a whole summary box.
///
/// Limits     kMaxFragments entries.
/// Errors     kDataLoss: not a summary, damaged, or absurd. kFailedPrecondition: whole, but of a
///            later version.
Result<Summary> read_summary(ByteSpan box);

}  // namespace longtake::isobmff
