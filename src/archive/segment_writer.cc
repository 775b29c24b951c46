#include "archive/segment_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/kill_point.h"
#include "isobmff/box.h"
#include "isobmff/closing.h"
#include "isobmff/init.h"
#include "media/media_time.h"

namespace longtake::archive {
namespace {

constexpr std::uint64_t kReserveBytes = 4 * 1024 * 1024;
constexpr microseconds kReserveDuration = seconds(10);

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(base::FileSystem& files,
                                                             std::string path,
                                                             media::RecordingId recording,
                                                             media::SegmentId segment,
                                                             const PendingFragment& first) {
  LT_ASSIGN(Bytes init, isobmff::make_init(first.run->tracks));
  media::FragmentIndex index;
  index.recording = recording;
  index.segment = segment;
  index.tracks = first.run->tracks;
  index.init_bytes = init.size();

  LT_ASSIGN(std::unique_ptr<base::File> file, files.open(path, base::OpenMode::kCreateNew));
  base::kill_point("segment.created");
  std::unique_ptr<SegmentWriter> writer(
      new SegmentWriter(std::move(file), path, std::move(index), std::move(init), first));
  Result<void> begun = writer->reserve_for(writer->init_.size());
  if (begun) {
    base::kill_point("segment.reserved");
    const ByteSpan parts[] = {writer->init_};
    begun = writer->file_->write_at(0, parts);
  }
  if (!begun) {
    // The first error is the one to tell; what stays behind holds no fragment, and recovery removes it.
    static_cast<void>(files.remove(path));
    return std::unexpected(std::move(begun).error());
  }
  base::kill_point("segment.init_written");
  writer->size_bytes_ = writer->init_.size();
  writer->init_ = {};
  return writer;
}

SegmentWriter::SegmentWriter(std::unique_ptr<base::File> file, std::string path,
                             media::FragmentIndex index, Bytes init, const PendingFragment& first)
    : file_(std::move(file)),
      path_(std::move(path)),
      index_(std::move(index)),
      init_(std::move(init)),
      builder_(index_.recording, index_.segment, index_.tracks, init_),
      origin_ticks_(first.run_ticks),
      origin_position_(first.run_position) {
  if (const media::TrackConfig* track = track_of(first.track)) {
    origin_timescale_hz_ = track->timescale_hz;
  }
}

const media::TrackConfig* SegmentWriter::track_of(media::TrackId id) const {
  const auto found = std::ranges::find(index_.tracks, id, &media::TrackConfig::track);
  return found == index_.tracks.end() ? nullptr : found->get();
}

Result<void> SegmentWriter::reserve_for(std::uint64_t end_bytes) {
  if (is_reserve_unsupported_ || end_bytes <= reserved_bytes_) return {};
  const auto lived_us = static_cast<std::uint64_t>(written_duration_.count());
  const std::uint64_t ten_seconds =
      lived_us == 0 ? 0
                    : size_bytes_ / std::max<std::uint64_t>(lived_us / 1'000, 1) *
                          static_cast<std::uint64_t>(kReserveDuration.count() / 1'000);
  const std::uint64_t from = std::max(reserved_bytes_, size_bytes_);
  const std::uint64_t to = std::max(end_bytes, from + std::max(kReserveBytes, ten_seconds));
  auto reserved = file_->reserve(from, to - from);
  if (!reserved) {
    if (reserved.error().code() != ErrorCode::kFailedPrecondition) return reserved;
    is_reserve_unsupported_ = true;  // goes on without: the write itself says when there is no room
    return {};
  }
  reserved_bytes_ = to;
  return {};
}

media::FragmentEntry SegmentWriter::place(const PendingFragment& fragment) const {
  media::FragmentEntry entry;
  entry.track = fragment.track;
  const media::TrackConfig* track = track_of(fragment.track);
  if (track != nullptr) {
    const media::MediaTime origin =
        media::rescale(media::MediaTime(origin_ticks_, origin_timescale_hz_), track->timescale_hz,
                       media::Rounding::kNearest);
    entry.media_start_ticks = std::max<std::int64_t>(fragment.run_ticks - origin.ticks(), 0);
  }
  entry.duration_ticks = fragment.duration_ticks;
  entry.run_offset_us = fragment.run_position.count();
  entry.wall_start = fragment.wall_start;
  entry.wall_duration = fragment.wall_duration;
  entry.bridge = fragment.bridge;
  entry.wall_uncertainty = fragment.wall_uncertainty;
  entry.is_damaged = fragment.is_damaged;
  entry.is_time_uncertain = fragment.run->is_time_uncertain;
  const bool is_first_video =
      track != nullptr && track->kind == media::TrackKind::kVideo &&
      std::ranges::none_of(index_.fragments, [&](const media::FragmentEntry& written) {
        return written.track == fragment.track;
      });
  // Also where a drop, a failed disk or a restarted file cut it, not only where the recorder had to.
  entry.is_off_key = fragment.is_off_key || (is_first_video && !fragment.is_sync);
  return entry;
}

SegmentWriter::Outcome SegmentWriter::append(const PendingFragment& fragment) {
  samples_.clear();
  for (const PendingFragment::Sample& sample : fragment.samples) {
    samples_.push_back({sample.unit.get(), sample.duration_ticks, sample.composition_ticks});
  }
  auto entry = builder_.prepare(place(fragment), samples_);
  if (!entry) return {Culprit::kFragment, std::unexpected(std::move(entry).error().in(path_))};

  const std::uint64_t end_bytes = builder_.end_bytes() + entry->size_bytes;
  auto written = reserve_for(end_bytes);
  if (written) written = file_->write_at(builder_.end_bytes(), builder_.parts());
  if (!written) return {Culprit::kDisk, std::move(written)};
  base::kill_point("fragment.appended");

  builder_.advance();
  index_.fragments.push_back(*entry);
  size_bytes_ = end_bytes;
  written_duration_ = std::max(written_duration_,
                               fragment.run_position + fragment.wall_duration - origin_position_);
  return {};
}

Result<void> SegmentWriter::finish() {
  const std::uint64_t end_bytes = builder_.end_bytes();
  const Bytes closing = isobmff::make_closing(index_, builder_.last_crc());
  const auto summary = isobmff::peek_box_header(closing);
  LT_CHECK(summary && summary->size <= closing.size());
  const ByteSpan summary_part[] = {ByteSpan(closing).first(summary->size)};
  auto closed = file_->write_at(end_bytes, summary_part);
  if (closed) {
    base::kill_point("close.summary");
    const ByteSpan mfra_part[] = {ByteSpan(closing).subspan(summary->size)};
    closed = file_->write_at(end_bytes + summary->size, mfra_part);
  }
  if (closed) {
    base::kill_point("close.mfra");
    size_bytes_ = end_bytes + closing.size();
    has_summary_ = true;
  } else if (closed.error().code() == ErrorCode::kResourceExhausted) {
    size_bytes_ = end_bytes;  // on a full disk a segment ends as after a crash
  } else {
    return closed;
  }
  LT_TRY(file_->truncate(size_bytes_));
  base::kill_point("close.trimmed");
  return {};
}

}  // namespace longtake::archive
