#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "isobmff/format.h"

/// Boxes of ISO/IEC 14496-12 §4.2: a 32-bit size, a four-character type, and what is inside.
namespace longtake::isobmff {

using FourCc = std::uint32_t;

consteval FourCc four_cc(const char (&text)[5]) {
  FourCc value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<std::uint8_t>(text[i]);
  return value;
}
/// "moof"; bytes that do not print become '?'.
std::string to_text(FourCc type);

/// Writes a box around what is written while it lives: the size is known when it ends.
///
/// Ownership  borrows the writer, which must outlive it; boxes nest as scopes do.
class BoxWriter {
 public:
  BoxWriter(ByteWriter& out, FourCc type);
  /// A full box (§4.2.2): version and flags follow the header.
  BoxWriter(ByteWriter& out, FourCc type, std::uint8_t version, std::uint32_t flags);
  ~BoxWriter();
  BoxWriter(const BoxWriter&) = delete;
  BoxWriter& operator=(const BoxWriter&) = delete;

 private:
  ByteWriter& out_;
  std::size_t start_;
};

/// One box inside bytes that somebody else holds.
struct Box {
  FourCc type = 0;
  std::size_t offset = 0;  // of its header within the bytes that were parsed
  ByteSpan whole;
  ByteSpan payload;
};

/// The boxes that fill `bytes` exactly. 64-bit sizes and sizes "to the end" are not ours and
/// refused.
///
/// Limits     64 boxes.
/// Errors     kDataLoss with the place.
Result<std::vector<Box>> parse_boxes(ByteSpan bytes);
/// The first one of that type, or null.
const Box* find_box(const std::vector<Box>& boxes, FourCc type);
/// As find_box; kDataLoss when it is missing.
Result<Box> require_box(const std::vector<Box>& boxes, FourCc type);
/// The children of the one box of that type: two steps that always go together.
Result<std::vector<Box>> parse_children(const std::vector<Box>& boxes, FourCc type);

struct FullBoxHeader {
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
};
std::optional<FullBoxHeader> read_full_box_header(Cursor& cursor);

/// Size and type of the box at the start of `bytes`, or nothing when fewer than eight are there.
struct BoxHeader {
  std::uint32_t size = 0;
  FourCc type = 0;
};
std::optional<BoxHeader> peek_box_header(ByteSpan bytes);
/// `bytes` begins with a uuid box of ours, as far as its first 24 bytes tell.
bool is_uuid_box(ByteSpan bytes, const Uuid& uuid);
void write_uuid_header(ByteWriter& out, std::uint32_t size, const Uuid& uuid);

}  // namespace longtake::isobmff
