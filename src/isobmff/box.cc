#include "isobmff/box.h"

#include <fmt/format.h>

#include <algorithm>

namespace longtake::isobmff {
namespace {

constexpr std::size_t kMaxChildren = 64;

}  // namespace

std::string to_text(FourCc type) {
  std::string text;
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    const auto letter = static_cast<unsigned char>(type >> shift & 0xffU);
    text.push_back(letter >= 0x20 && letter < 0x7f ? static_cast<char>(letter) : '?');
  }
  return text;
}

BoxWriter::BoxWriter(ByteWriter& out, FourCc type) : out_(out), start_(out.size()) {
  out_.u32(0).u32(type);
}

BoxWriter::BoxWriter(ByteWriter& out, FourCc type, std::uint8_t version, std::uint32_t flags)
    : BoxWriter(out, type) {
  out_.u8(version).u24(flags);
}

BoxWriter::~BoxWriter() {
  out_.patch_u32(start_, static_cast<std::uint32_t>(out_.size() - start_));
}

Result<std::vector<Box>> parse_boxes(ByteSpan bytes) {
  std::vector<Box> boxes;
  Cursor cursor(bytes);
  while (!cursor.is_at_end()) {
    const std::size_t offset = cursor.position();
    const auto header = peek_box_header(cursor.rest());
    if (!header || header->size < kBoxHeaderBytes || header->size > cursor.remaining()) {
      return fail(ErrorCode::kDataLoss,
                  fmt::format("no whole box at byte {} of {}", offset, bytes.size()));
    }
    if (boxes.size() == kMaxChildren) {
      return fail(ErrorCode::kDataLoss, fmt::format("more than {} boxes", kMaxChildren));
    }
    const ByteSpan whole = *cursor.take(header->size);
    boxes.push_back({header->type, offset, whole, whole.subspan(kBoxHeaderBytes)});
  }
  return boxes;
}

const Box* find_box(const std::vector<Box>& boxes, FourCc type) {
  const auto found = std::ranges::find(boxes, type, &Box::type);
  return found == boxes.end() ? nullptr : &*found;
}

Result<Box> require_box(const std::vector<Box>& boxes, FourCc type) {
  if (const Box* box = find_box(boxes, type)) return *box;
  return fail(ErrorCode::kDataLoss, fmt::format("no '{}' box", to_text(type)));
}

Result<std::vector<Box>> parse_children(const std::vector<Box>& boxes, FourCc type) {
  LT_ASSIGN(const Box box, require_box(boxes, type));
  auto children = parse_boxes(box.payload);
  if (!children) return std::unexpected(std::move(children).error().in(to_text(type)));
  return children;
}

std::optional<FullBoxHeader> read_full_box_header(Cursor& cursor) {
  const auto word = cursor.u32();
  if (!word) return std::nullopt;
  return FullBoxHeader{static_cast<std::uint8_t>(*word >> 24U), *word & 0xffffffU};
}

std::optional<BoxHeader> peek_box_header(ByteSpan bytes) {
  Cursor cursor(bytes);
  const auto size = cursor.u32();
  const auto type = cursor.u32();
  if (!size || !type) return std::nullopt;
  return BoxHeader{*size, *type};
}

bool is_uuid_box(ByteSpan bytes, const Uuid& uuid) {
  const auto header = peek_box_header(bytes);
  return header && header->type == four_cc("uuid") && bytes.size() >= kUuidHeaderBytes &&
         std::ranges::equal(bytes.subspan(kBoxHeaderBytes, uuid.size()),
                            std::as_bytes(std::span(uuid)));
}

void write_uuid_header(ByteWriter& out, std::uint32_t size, const Uuid& uuid) {
  out.u32(size).u32(four_cc("uuid")).bytes(std::as_bytes(std::span(uuid)));
}

}  // namespace longtake::isobmff
