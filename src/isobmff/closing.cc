#include "isobmff/closing.h"

#include <fmt/format.h>

#include <algorithm>

#include "isobmff/box.h"
#include "isobmff/mfra.h"

namespace longtake::isobmff {

Bytes make_closing(const media::FragmentIndex& index, std::uint32_t last_record_crc) {
  Bytes closing = encode_summary(index, last_record_crc);
  const Bytes mfra = make_mfra(index);
  closing.insert(closing.end(), mfra.begin(), mfra.end());
  return closing;
}

namespace {

/// Where the summary lies, as the file's last bytes tell; nothing when they do not.
struct Place {
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
};

std::optional<Place> find_summary(ByteSpan file_end, std::uint64_t file_bytes) {
  const auto mfra_bytes = read_mfra_size(file_end);
  if (!mfra_bytes || *mfra_bytes > file_end.size() ||
      file_end.size() - *mfra_bytes < kSummaryTrailerBytes) {
    return std::nullopt;
  }
  const auto mfra = peek_box_header(file_end.last(*mfra_bytes));
  if (!mfra || mfra->type != four_cc("mfra") || mfra->size != *mfra_bytes) return std::nullopt;
  const ByteSpan before = file_end.first(file_end.size() - *mfra_bytes);
  const std::size_t bytes = *Cursor(before.last(kSummaryTrailerBytes)).u32();
  constexpr std::size_t kMost =
      kSummaryHeadBytes + kMaxFragments * kSummaryEntryBytes + kSummaryTrailerBytes;
  if (bytes < kSummaryHeadBytes || bytes > kMost || bytes > file_bytes - *mfra_bytes)
    return std::nullopt;
  return Place{file_bytes - *mfra_bytes - bytes, bytes};
}

}  // namespace

Result<std::optional<Summary>> read_closing(base::File& file) {
  LT_ASSIGN(const std::uint64_t file_bytes, file.size());
  Bytes end(std::min<std::uint64_t>(file_bytes, kClosingReadBytes));
  LT_ASSIGN(const std::size_t read, file.read_at(file_bytes - end.size(), end));
  if (read != end.size()) return std::optional<Summary>();  // the file shrinks under us
  const auto place = find_summary(end, file_bytes);
  if (!place) return std::optional<Summary>();
  const std::uint64_t end_start = file_bytes - end.size();
  Bytes second;
  ByteSpan box;
  if (place->offset >= end_start) {
    box = ByteSpan(end).subspan(static_cast<std::size_t>(place->offset - end_start), place->bytes);
  } else {
    second.resize(place->bytes);
    LT_ASSIGN(const std::size_t count, file.read_at(place->offset, second));
    if (count != second.size()) return std::optional<Summary>();
    box = second;
  }
  auto summary = read_summary(box);
  if (!summary && summary.error().code() == ErrorCode::kDataLoss) return std::optional<Summary>();
  if (!summary) return std::unexpected(std::move(summary).error());
  const auto& fragments = summary->index.fragments;
  const std::uint64_t end_bytes = fragments.empty()
                                      ? summary->index.init_bytes
                                      : fragments.back().offset_bytes + fragments.back().size_bytes;
  if (end_bytes != place->offset) return std::optional<Summary>();
  return std::optional<Summary>(std::move(*summary));
}

}  // namespace longtake::isobmff
