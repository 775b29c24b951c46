#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace longtake::base {

/// CRC-32C (Castagnoli, RFC 3720 §12.1), by the processor's instruction where it has one.
/// `crc32c(b, crc32c(a))` is the checksum of a followed by b.
std::uint32_t crc32c(ByteSpan bytes, std::uint32_t seed = 0);

/// The same by tables: what `crc32c` is on a processor without the instruction, and what proves it
/// on one with.
std::uint32_t crc32c_portable(ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace longtake::base
