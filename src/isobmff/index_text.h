#pragma once

#include <string>

#include "base/bytes.h"
#include "media/fragment_index.h"

namespace longtake::isobmff {

/// A segment's index as text, a fragment a line, with a checksum of the samples its moof points at: for the files of
/// older versions, which must go on reading the same.
std::string index_text(ByteSpan file, const media::FragmentIndex& index);

}  // namespace longtake::isobmff
