#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "store/fact.h"

/// Facts as bytes: what stands in a ledger record's payload.
///
/// Encoding   big-endian, fixed fields in the order of fact.h, texts and span lists with a 16-bit count in front. Binary
///            and not JSON: a third of the size, 64-bit times stay exact, and what reads it at 3 a.m. after a power cut
///            is forty lines over one checked cursor.
/// Versions   each record carries one. Fields are only ever added at the end of a type: an old reader skips what it does
///            not know, a new one defaults what is not there. A new type or a new reason is *unknown*, not damage.
/// Limits     texts are cut at 1 KiB; of a span list the first 8,192 are kept (a segment of 10 min with a hole a second
///            has 600): what is cut is then not claimed as recorded.
namespace longtake::store {

inline constexpr std::uint8_t kFactVersion = 1;
inline constexpr std::size_t kFactTextBytes = 1024;
inline constexpr std::size_t kFactSpans = 8192;

/// The ledger's type number of a fact, from 1.
std::uint16_t type_of(const Fact& fact);
/// Appends the payload of `fact` to `out`.
void encode_fact(const Fact& fact, Bytes& out);
/// Nothing when the type, or a reason in it, is unknown here. kDataLoss when the payload is too short for its type.
Result<std::optional<Fact>> decode_fact(std::uint16_t type, std::uint8_t version, ByteSpan payload);

}  // namespace longtake::store
