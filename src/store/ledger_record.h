#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"

/// The ledger's bytes: a file header, then records.
///
/// Layout     big-endian. File header, 64 bytes: magic "LTLEDGER", version u16, header length u16, 4 zeros, file number
///            u64, first sequence u64, created i64 (UTC µs), chain before the first record [16], 4 zeros, CRC32C.
///            Record: head of 32 bytes (marker u32, payload length u32, sequence u64, wall i64, type u16, version u8,
///            flags u8, CRC32C of the 28 bytes before), chain [16], payload, CRC32C of all before it.
///            The head has a checksum of its own so that a damaged payload costs one record and a false marker 32 bytes.
/// Chain      first 16 bytes of SHA-256(chain of the record before, the head's 28 bytes, payload): what was removed,
///            changed or put in between shows.
/// Nothing in it names the volume: a ledger may be copied.
namespace longtake::store {

using ChainHash = std::array<std::byte, 16>;

inline constexpr std::size_t kLedgerHeaderBytes = 64;
inline constexpr std::size_t kRecordHeadBytes = 32;
inline constexpr std::size_t kRecordOverheadBytes = kRecordHeadBytes + 16 + 4;
inline constexpr std::size_t kRecordPayloadBytes = 256 * 1024;  // at most
inline constexpr std::uint32_t kRecordMarker = 0x4C54'7230;     // "LTr0"
inline constexpr std::byte kRecordMarkerFirst{0x4C};

/// Types that are the ledger's own; facts have theirs from 1 (fact_codec.h).
inline constexpr std::uint16_t kSnapshotBegin = 0xFF00;
inline constexpr std::uint16_t kSnapshotEnd = 0xFF01;  // payload: sequence of the begin u64
/// Flag of the facts between those two.
inline constexpr std::uint8_t kFlagSnapshot = 1;

struct LedgerFileHeader {
  std::uint64_t file_number = 0;     // one more with each file ever begun
  std::uint64_t first_sequence = 0;  // of its first record
  WallTime created;
  ChainHash previous_chain{};  // of the record before the first
};
void encode_header(const LedgerFileHeader& header, Bytes& out);
/// Nothing when it is not one of ours, or damaged.
std::optional<LedgerFileHeader> decode_header(ByteSpan bytes);

struct RecordHead {
  std::uint32_t payload_bytes = 0;
  std::uint64_t sequence = 0;
  WallTime at;  // when it was appended
  std::uint16_t type = 0;
  std::uint8_t version = 0;
  std::uint8_t flags = 0;

  [[nodiscard]] std::size_t size_bytes() const { return kRecordOverheadBytes + payload_bytes; }
};
/// Nothing when marker, length or checksum is wrong. Wants kRecordHeadBytes.
std::optional<RecordHead> decode_head(ByteSpan bytes);

struct RawRecord {
  RecordHead head;
  ChainHash chain{};
  ByteSpan payload;  // borrows what it was decoded from
};
/// Nothing when the checksum over all is wrong. Wants the whole record.
std::optional<RawRecord> decode_record(const RecordHead& head, ByteSpan bytes);

/// Appends the record; `head.payload_bytes` is set here. Returns its chain.
ChainHash encode_record(RecordHead head, const ChainHash& previous, ByteSpan payload, Bytes& out);
/// What `record.chain` must be behind `previous`. `bytes` begins with its head.
ChainHash chain_of(const ChainHash& previous, ByteSpan bytes, ByteSpan payload);

}  // namespace longtake::store
