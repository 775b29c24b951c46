#pragma once

#include <string>

#include "base/bytes.h"

namespace longtake::isobmff {

/// The boxes of a file as text, one field a line, for golden files: a change of format shows as a
/// readable diff. Fields come from tables of the standard (and isobmff/format.h) kept apart from
/// the writer's code. mdat is a size only.
std::string box_tree(ByteSpan file);

}  // namespace longtake::isobmff
