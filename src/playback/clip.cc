#include "playback/clip.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/check.h"
#include "isobmff/box.h"
#include "isobmff/samples.h"
#include "playback/clip_head.h"

namespace longtake::playback {
namespace {

constexpr std::size_t kOpenFiles = 4;
constexpr std::size_t kTableBytes = 64 * 1024;  // made at once

class Clip final : public Body {
 public:
  Clip(archive::Archive& archive, media::ReadGrant grant, ClipPlan plan)
      : archive_(archive),
        grant_(std::move(grant)),
        plan_(std::move(plan)),
        head_(make_clip_head(plan_)) {}

  [[nodiscard]] std::uint64_t size_bytes() const override {
    return head_.size_bytes + plan_.payload_bytes;
  }
  Result<Slice> slice_at(std::uint64_t offset_bytes) override;

 private:
  Result<Slice> payload_at(std::uint64_t offset_bytes);
  Result<Slice> table_at(const ClipTable& table, std::uint64_t offset_bytes);
  Result<void> append_rows(const ClipTable& table, const ClipFragment& fragment, std::size_t chunk,
                           ByteWriter& out);
  Result<std::shared_ptr<base::File>> file_of(std::uint32_t segment);
  Result<std::vector<isobmff::Sample>> samples_of(const ClipFragment& fragment);

  archive::Archive& archive_;
  const media::ReadGrant grant_;
  const ClipPlan plan_;
  const ClipHead head_;
  std::deque<std::pair<std::uint32_t, std::shared_ptr<base::File>>> files_;  // the latest last
};

Result<Slice> Clip::slice_at(std::uint64_t offset_bytes) {
  LT_CHECK(offset_bytes < size_bytes());
  if (offset_bytes >= head_.size_bytes) return payload_at(offset_bytes - head_.size_bytes);
  const auto after = std::ranges::upper_bound(head_.pieces, offset_bytes, {}, &ClipPiece::start);
  const ClipPiece& piece = *std::prev(after);
  const std::uint64_t within = offset_bytes - piece.start;
  if (piece.table) return table_at(*piece.table, within);
  return MemorySlice{piece.bytes, within, piece.bytes->size() - within};
}

Result<Slice> Clip::payload_at(std::uint64_t offset_bytes) {
  const auto after =
      std::ranges::upper_bound(plan_.fragments, offset_bytes, {}, &ClipFragment::payload_start);
  const ClipFragment& fragment = *std::prev(after);
  LT_ASSIGN(std::shared_ptr<base::File> file, file_of(fragment.segment));
  const std::uint64_t within = offset_bytes - fragment.payload_start;
  return FileSlice{std::move(file), fragment.offset_bytes + fragment.head_bytes + within,
                   fragment.payload_bytes() - within};
}

/// Rows of whole fragments from the one that holds the offset on, less what lies before it.
Result<Slice> Clip::table_at(const ClipTable& table, std::uint64_t offset_bytes) {
  const ClipTrack& track = plan_.tracks[table.track];
  const auto start_of = [&](std::size_t chunk) {
    return row_start(table.kind, plan_.fragments[track.fragments[chunk]], chunk);
  };
  // The last one whose rows begin at or before the offset.
  std::size_t chunk = 0;
  for (std::size_t end = track.fragments.size(); end - chunk > 1;) {
    const std::size_t middle = chunk + (end - chunk) / 2;
    (start_of(middle) <= offset_bytes ? chunk : end) = middle;
  }
  auto bytes = std::make_shared<Bytes>();
  ByteWriter out(*bytes);
  const std::uint64_t skipped = offset_bytes - start_of(chunk);
  for (; chunk < track.fragments.size() && bytes->size() < kTableBytes + skipped; ++chunk)
    LT_TRY(append_rows(table, plan_.fragments[track.fragments[chunk]], chunk, out));
  LT_CHECK(bytes->size() > skipped);
  const std::uint64_t length = bytes->size() - skipped;
  return MemorySlice{std::move(bytes), skipped, length};
}

Result<void> Clip::append_rows(const ClipTable& table, const ClipFragment& fragment,
                               std::size_t chunk, ByteWriter& out) {
  switch (table.kind) {
    case ClipTable::Kind::kSync:
      if (fragment.is_sync) out.u32(fragment.first_sample + 1);
      return {};
    case ClipTable::Kind::kChunk:
      out.u32(static_cast<std::uint32_t>(chunk + 1)).u32(fragment.sample_count).u32(1);
      return {};
    case ClipTable::Kind::kOffset:
      out.u64(head_.size_bytes + fragment.payload_start);
      return {};
    default:
      break;
  }
  LT_ASSIGN(std::vector<isobmff::Sample> samples, samples_of(fragment));
  if (table.kind == ClipTable::Kind::kDuration) {
    for (const std::uint32_t duration : durations_of(fragment, samples)) out.u32(1).u32(duration);
    return {};
  }
  for (const isobmff::Sample& sample : samples) {
    if (table.kind == ClipTable::Kind::kComposition) {
      out.u32(1).u32(static_cast<std::uint32_t>(sample.composition_ticks));
    } else {
      out.u32(sample.size_bytes);
    }
  }
  return {};
}

Result<std::vector<isobmff::Sample>> Clip::samples_of(const ClipFragment& fragment) {
  LT_ASSIGN(const std::shared_ptr<base::File> file, file_of(fragment.segment));
  Bytes head(fragment.head_bytes);
  LT_ASSIGN(const std::size_t got, file->read_at(fragment.offset_bytes, head));
  head.resize(got);
  LT_ASSIGN(isobmff::MovieFragment read, isobmff::read_samples(head));
  if (read.samples.size() != fragment.sample_count)
    return fail(ErrorCode::kDataLoss, "a fragment has other samples than its record says");
  return std::move(read.samples);
}

Result<std::shared_ptr<base::File>> Clip::file_of(std::uint32_t segment) {
  for (const auto& [number, file] : files_) {
    if (number == segment) return file;
  }
  LT_ASSIGN(archive::SegmentFile opened,
            archive_.open_segment(grant_.recording(), plan_.segments[segment]));
  files_.emplace_back(segment, std::move(opened.file));
  if (files_.size() > kOpenFiles) files_.pop_front();
  return files_.back().second;
}

}  // namespace

std::unique_ptr<Body> make_clip(archive::Archive& archive, const media::ReadGrant& grant,
                                ClipPlan plan) {
  return std::make_unique<Clip>(archive, grant, std::move(plan));
}

}  // namespace longtake::playback
