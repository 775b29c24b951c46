#include "store/ledger_record.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/digest.h"

namespace longtake::store {

namespace {

constexpr std::string_view kMagic = "LTLEDGER";
constexpr std::uint16_t kFileVersion = 1;
constexpr std::size_t kHashedHeadBytes = kRecordHeadBytes - 4;

ChainHash chain_from(ByteSpan bytes) {
  ChainHash chain;
  std::ranges::copy(bytes.first(chain.size()), chain.begin());
  return chain;
}

}  // namespace

void encode_header(const LedgerFileHeader& header, Bytes& out) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.text(kMagic).u16(kFileVersion).u16(kLedgerHeaderBytes).zeros(4);
  writer.u64(header.file_number).u64(header.first_sequence);
  writer.i64(header.created.time_since_epoch().count()).bytes(header.previous_chain).zeros(4);
  writer.u32(base::crc32c(ByteSpan(out).subspan(start)));
  LT_CHECK(out.size() - start == kLedgerHeaderBytes);
}

std::optional<LedgerFileHeader> decode_header(ByteSpan bytes) {
  if (bytes.size() < kLedgerHeaderBytes) return std::nullopt;
  const std::uint32_t checksum = base::crc32c(bytes.first(kLedgerHeaderBytes - 4));
  if (Cursor(bytes.subspan(kLedgerHeaderBytes - 4)).u32() != checksum) return std::nullopt;
  Cursor in(bytes);
  const auto magic = in.take(kMagic.size());
  const auto version = in.u16();
  if (!magic || as_text(*magic) != kMagic || version != kFileVersion) return std::nullopt;
  in.skip(6);
  LedgerFileHeader header;
  header.file_number = in.u64().value_or(0);
  header.first_sequence = in.u64().value_or(0);
  header.created = WallTime(microseconds(static_cast<std::int64_t>(in.u64().value_or(0))));
  header.previous_chain = chain_from(in.rest());
  return header;
}

std::optional<RecordHead> decode_head(ByteSpan bytes) {
  if (bytes.size() < kRecordHeadBytes) return std::nullopt;
  Cursor in(bytes);
  if (in.u32() != kRecordMarker) return std::nullopt;
  if (Cursor(bytes.subspan(kHashedHeadBytes)).u32() !=
      base::crc32c(bytes.first(kHashedHeadBytes))) {
    return std::nullopt;
  }
  RecordHead head;
  head.payload_bytes = in.u32().value_or(0);
  head.sequence = in.u64().value_or(0);
  head.at = WallTime(microseconds(static_cast<std::int64_t>(in.u64().value_or(0))));
  head.type = in.u16().value_or(0);
  head.version = in.u8().value_or(0);
  head.flags = in.u8().value_or(0);
  if (head.payload_bytes > kRecordPayloadBytes || head.sequence == 0) return std::nullopt;
  return head;
}

std::optional<RawRecord> decode_record(const RecordHead& head, ByteSpan bytes) {
  if (bytes.size() < head.size_bytes()) return std::nullopt;
  const ByteSpan guarded = bytes.first(head.size_bytes() - 4);
  if (Cursor(bytes.subspan(guarded.size())).u32() != base::crc32c(guarded)) return std::nullopt;
  return RawRecord{head, chain_from(bytes.subspan(kRecordHeadBytes)),
                   bytes.subspan(kRecordHeadBytes + 16, head.payload_bytes)};
}

ChainHash encode_record(RecordHead head, const ChainHash& previous, ByteSpan payload, Bytes& out) {
  LT_CHECK(payload.size() <= kRecordPayloadBytes);
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.u32(kRecordMarker).u32(static_cast<std::uint32_t>(payload.size())).u64(head.sequence);
  writer.i64(head.at.time_since_epoch().count()).u16(head.type).u8(head.version).u8(head.flags);
  const ChainHash chain = chain_of(previous, ByteSpan(out).subspan(start), payload);
  writer.u32(base::crc32c(ByteSpan(out).subspan(start)));
  writer.bytes(chain).bytes(payload);
  writer.u32(base::crc32c(ByteSpan(out).subspan(start)));
  return chain;
}

ChainHash chain_of(const ChainHash& previous, ByteSpan bytes, ByteSpan payload) {
  return chain_from(base::sha256({previous, bytes.first(kHashedHeadBytes), payload}));
}

}  // namespace longtake::store
