#include "isobmff/box_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

/// A box's fields in order: "name:bytes", separated by spaces. A name of "-" is not printed when it
/// is all zeros.
struct Layout {
  std::string_view type;
  std::string_view fields;
};
constexpr std::array kLayouts = {
    Layout{"ftyp", "major:4 minor:4 brand:4 brand:4 brand:4"},
    Layout{"mvhd",
           "version:1 flags:3 created:4 modified:4 timescale:4 duration:4 rate:4 volume:2 -:10 "
           "matrix:36 -:24 "
           "next_track:4"},
    Layout{"tkhd",
           "version:1 flags:3 created:4 modified:4 track:4 -:4 duration:4 -:8 layer:2 group:2 "
           "volume:2 -:2 "
           "matrix:36 width:4 height:4"},
    Layout{"mdhd", "version:1 flags:3 created:4 modified:4 timescale:4 duration:4 language:2 -:2"},
    Layout{"hdlr", "version:1 flags:3 -:4 handler:4 -:12 name:6"},
    Layout{"vmhd", "version:1 flags:3 -:8"},
    Layout{"smhd", "version:1 flags:3 -:4"},
    Layout{"dref", "version:1 flags:3 count:4"},
    Layout{"url ", "version:1 flags:3"},
    Layout{"stsd", "version:1 flags:3 count:4"},
    Layout{"avc1",
           "-:6 data_reference:2 -:16 width:2 height:2 horizontal:4 vertical:4 -:4 frames:2 -:32 "
           "depth:2 "
           "colour_table:2"},
    Layout{"mp4a", "-:6 data_reference:2 -:8 channels:2 bits:2 -:4 rate:4"},
    Layout{"esds", "version:1 flags:3"},
    Layout{"stts", "version:1 flags:3 count:4"},
    Layout{"stsc", "version:1 flags:3 count:4"},
    Layout{"stco", "version:1 flags:3 count:4"},
    Layout{"stsz", "version:1 flags:3 size:4 count:4"},
    Layout{"trex", "version:1 flags:3 track:4 description:4 duration:4 size:4 sample_flags:4"},
    Layout{"mfhd", "version:1 flags:3 sequence:4"},
    Layout{"tfhd", "version:1 flags:3 track:4"},
    Layout{"tfdt", "version:1 flags:3 decode_time:8"},
    Layout{"trun", "version:1 flags:3 count:4 data_offset:4"},
    Layout{"tfra", "version:1 flags:3 track:4 lengths:4 count:4"},
    Layout{"mfro", "version:1 flags:3 size:4"},
    Layout{
        "record",
        "uuid:16 version:1 track:1 flags:2 recording:8 run:8 segment:4 number:4 moof_bytes:4 "
        "mdat_bytes:4 "
        "samples:4 payload_crc:4 previous_crc:4 media_start:8 run_offset:8 wall_start:8 duration:4 "
        "wall_duration:4 bridge:4 uncertainty:4 composition:4 -:4"},
    Layout{"summary",
           "uuid:16 version:1 -:1 entry_bytes:2 recording:8 run:8 segment:4 count:4 init_bytes:8 "
           "last_crc:4"},
};
/// Boxes whose payload, behind the fields above, is more boxes.
constexpr std::array<std::string_view, 14> kContainers = {"moov", "trak", "mdia", "minf", "dinf",
                                                          "dref", "stbl", "stsd", "avc1", "mp4a",
                                                          "mvex", "moof", "traf", "mfra"};

bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_word(ByteSpan bytes) {
  return bytes.size() >= 4 && std::ranges::all_of(bytes, [](std::byte byte) {
           const auto letter = std::to_integer<unsigned char>(byte);
           return letter >= 0x20 && letter < 0x7f;
         });
}

std::string to_hex(ByteSpan bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

void append_fields(std::string& out, std::string_view indent, std::string_view fields,
                   Cursor& cursor) {
  while (!fields.empty()) {
    const std::string_view field = fields.substr(0, fields.find(' '));
    fields.remove_prefix(std::min(field.size() + 1, fields.size()));
    const std::size_t colon = field.find(':');
    std::size_t bytes = 0;
    for (const char digit : field.substr(colon + 1))
      bytes = 10 * bytes + static_cast<std::size_t>(digit - '0');
    const auto value = cursor.take(std::min(bytes, cursor.remaining()));
    const std::string_view name = field.substr(0, colon);
    if (name == "-" && is_zero(*value)) continue;
    out += fmt::format("{}  {} {}\n", indent, name,
                       is_word(*value) ? as_text(*value) : std::string_view(to_hex(*value)));
  }
}

void append_rest(std::string& out, std::string_view indent, ByteSpan rest) {
  constexpr std::size_t kBytesPerLine = 48;
  for (; !rest.empty(); rest = rest.subspan(std::min(kBytesPerLine, rest.size()))) {
    out +=
        fmt::format("{}  {}\n", indent, to_hex(rest.first(std::min(kBytesPerLine, rest.size()))));
  }
}

std::string name_of(const Box& box) {
  if (is_uuid_box(box.whole, kRecordUuid)) return "record";
  if (is_uuid_box(box.whole, kSummaryUuid)) return "summary";
  return to_text(box.type);
}

void append_boxes(std::string& out, const std::string& indent, ByteSpan bytes);

void append_box(std::string& out, const std::string& indent, const Box& box) {
  const std::string name = name_of(box);
  out += fmt::format("{}{} {}\n", indent, name, box.whole.size());
  if (name == "mdat") return;
  Cursor cursor(box.payload);
  const auto* const layout = std::ranges::find(kLayouts, std::string_view(name), &Layout::type);
  if (layout != kLayouts.end()) append_fields(out, indent, layout->fields, cursor);
  if (std::ranges::find(kContainers, std::string_view(name)) != kContainers.end()) {
    append_boxes(out, indent + "  ", cursor.rest());
  } else {
    append_rest(out, indent, cursor.rest());
  }
}

void append_boxes(std::string& out, const std::string& indent, ByteSpan bytes) {
  const auto boxes = parse_boxes(bytes);
  if (!boxes) {
    out += fmt::format("{}? {}\n", indent, boxes.error().message());
    return;
  }
  for (const Box& box : *boxes) append_box(out, indent, box);
}

}  // namespace

std::string box_tree(ByteSpan file) {
  std::string out;
  append_boxes(out, "", file);
  return out;
}

}  // namespace longtake::isobmff
