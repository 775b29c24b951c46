#include "isobmff/mfra.h"

#include <algorithm>

#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

constexpr std::size_t kMfroBytes = 16;

void write_tfra(ByteWriter& out, const media::FragmentIndex& index, media::TrackId track) {
  const auto is_listed = [track](const media::FragmentEntry& entry) {
    return entry.track == track && entry.is_sync;
  };
  const BoxWriter tfra(out, four_cc("tfra"), 1, 0);
  out.u32(track).u32(0);  // traf, trun and sample numbers of one byte each
  out.u32(static_cast<std::uint32_t>(std::ranges::count_if(index.fragments, is_listed)));
  for (const media::FragmentEntry& entry : index.fragments) {
    if (!is_listed(entry)) continue;
    out.i64(entry.media_start_ticks + entry.composition_ticks)
        .u64(entry.offset_bytes + entry.record_bytes);
    out.u8(1).u8(1).u8(1);
  }
}

}  // namespace

Bytes make_mfra(const media::FragmentIndex& index) {
  Bytes bytes;
  ByteWriter out(bytes);
  const BoxWriter mfra(out, four_cc("mfra"));
  for (const auto& track : index.tracks) write_tfra(out, index, track->track);
  const BoxWriter mfro(out, four_cc("mfro"), 0, 0);
  out.u32(static_cast<std::uint32_t>(out.size() + 4));
  return bytes;
}

std::optional<std::uint32_t> read_mfra_size(ByteSpan file_end) {
  if (file_end.size() < kMfroBytes) return std::nullopt;
  Cursor cursor(file_end.last(kMfroBytes));
  const std::uint32_t size = *cursor.u32();
  const FourCc type = *cursor.u32();
  const std::uint32_t version_and_flags = *cursor.u32();
  if (size != kMfroBytes || type != four_cc("mfro") || version_and_flags != 0) return std::nullopt;
  return *cursor.u32();
}

}  // namespace longtake::isobmff
