#include "playback/body.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace longtake::playback {

std::uint64_t length_of(const Slice& slice) {
  return std::visit([](const auto& part) { return part.length_bytes; }, slice);
}

void SliceList::append(Slice slice) {
  const std::uint64_t length = length_of(slice);
  if (length == 0) return;
  pieces_.push_back({size_bytes_, std::move(slice)});
  size_bytes_ += length;
}

void SliceList::append(Bytes bytes) {
  const std::uint64_t length = bytes.size();
  append(MemorySlice{std::make_shared<const Bytes>(std::move(bytes)), 0, length});
}

Result<Slice> SliceList::slice_at(std::uint64_t offset_bytes) {
  LT_CHECK(offset_bytes < size_bytes_);
  const auto after = std::ranges::upper_bound(pieces_, offset_bytes, {}, &Piece::start_bytes);
  const Piece& piece = *std::prev(after);
  const std::uint64_t skipped = offset_bytes - piece.start_bytes;
  Slice slice = piece.slice;
  std::visit(
      [&](auto& part) {
        part.offset_bytes += skipped;
        part.length_bytes -= skipped;
      },
      slice);
  return slice;
}

}  // namespace longtake::playback
