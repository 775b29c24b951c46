#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "media/fragment_index.h"

/// mfra: where an ordinary player finds the sync samples of a closed segment (rule 6: without it
/// GStreamer takes 30 s for 1 s). We write it and check it; we never seek by it.
namespace longtake::isobmff {

/// One tfra for each track of the index, with every fragment that begins with a sync sample, then
/// mfro.
/// Source     ISO/IEC 14496-12 §8.8.9-8.8.11.
Bytes make_mfra(const media::FragmentIndex& index);

/// The size of the mfra whose end is the end of `file_end`, from mfro, the file's last 16 bytes.
/// Nothing when they are not mfro. The size is not checked against anything.
std::optional<std::uint32_t> read_mfra_size(ByteSpan file_end);

}  // namespace longtake::isobmff
