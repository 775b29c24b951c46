#include "isobmff/record_walker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "isobmff/box.h"
#include "isobmff/init.h"

namespace longtake::isobmff {

Result<RecordWalker> RecordWalker::open(base::File& file, Check check) {
  RecordWalker walker(file, check);
  LT_TRY(walker.read_init());
  return walker;
}

Result<ByteSpan> RecordWalker::read(std::uint64_t offset, std::uint64_t bytes) {
  if (buffer_.size() < bytes) buffer_.resize(static_cast<std::size_t>(bytes));
  LT_ASSIGN(const std::size_t count,
            file_->read_at(offset, std::span(buffer_).first(static_cast<std::size_t>(bytes))));
  return ByteSpan(buffer_).first(count);
}

Result<void> RecordWalker::read_init() {
  LT_ASSIGN(walk_.file_bytes, file_->size());
  LT_ASSIGN(ByteSpan start, read(0, kPageBytes));
  LT_ASSIGN(const std::uint64_t bytes, init_size(start));
  if (bytes > start.size()) {
    LT_ASSIGN(start, read(0, bytes));
  }
  walk_.last_crc = base::crc32c(
      start.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, start.size()))));
  walk_.index.init_bytes = bytes;
  walk_.stop_bytes = bytes;
  auto init = parse_init(start);
  if (!init && init.error().code() == ErrorCode::kFailedPrecondition) {
    LT_ASSIGN(const bool is_damaged, is_init_damaged());
    if (is_damaged)
      return fail(ErrorCode::kDataLoss, "ftyp or moov is damaged: " + init.error().message());
  }
  if (!init) return std::unexpected(std::move(init).error());
  walk_.index.tracks = std::move(init->tracks);
  return {};
}

Result<bool> RecordWalker::is_init_damaged() {
  LT_ASSIGN(const ByteSpan start, read(walk_.stop_bytes, kMaxRecordBytes));
  const auto first = read_record(start, walk_.stop_bytes);
  return first && first->previous_crc != walk_.last_crc;
}

std::nullopt_t RecordWalker::stop(Stop reason, std::string detail) {
  walk_.stop = reason;
  walk_.detail = fmt::format("at byte {} of {}: {}", walk_.stop_bytes, walk_.file_bytes, detail);
  return std::nullopt;
}

Result<std::optional<Record>> RecordWalker::next() {
  const std::uint64_t offset = walk_.stop_bytes;
  if (offset >= walk_.file_bytes) return stop(Stop::kEnd, "the end of the file");
  LT_ASSIGN(const ByteSpan start, read(offset, kMaxRecordBytes));
  if (!is_uuid_box(start, kRecordUuid)) return stop_at_foreign_box(start);
  const std::uint32_t box_bytes = peek_box_header(start)->size;
  if (box_bytes > start.size() && box_bytes <= kMaxRecordBytes) {
    return stop(Stop::kTornHead, "the file ends inside a record");
  }
  auto record = read_record(start, offset);
  if (!record && record.error().code() == ErrorCode::kFailedPrecondition) {
    return std::unexpected(std::move(record).error().in(fmt::format("at byte {}", offset)));
  }
  if (!record) return stop(Stop::kBadRecord, record.error().message());
  if (std::string fault = chain_fault(*record); !fault.empty())
    return stop(Stop::kBrokenChain, std::move(fault));
  if (record->entry.size_bytes > walk_.file_bytes - offset) {
    return stop(Stop::kTornPayload,
                fmt::format("a fragment of {} bytes, {} are there", record->entry.size_bytes,
                            walk_.file_bytes - offset));
  }
  if (check_ == Check::kAll) {
    LT_ASSIGN(const std::uint32_t crc, payload_crc(record->entry));
    if (crc != record->payload_crc)
      return stop(Stop::kBadPayload, "the CRC of moof and mdat does not hold");
  }
  if (next_number_ == 1) {
    walk_.index.recording = record->recording;
    walk_.index.segment = record->segment;
  }
  walk_.index.fragments.push_back(record->entry);
  walk_.stop_bytes += record->entry.size_bytes;
  walk_.last_crc = record->own_crc;
  ++next_number_;
  return std::optional<Record>(std::move(*record));
}

Result<std::optional<Record>> RecordWalker::stop_at_foreign_box(ByteSpan start) {
  if (is_uuid_box(start, kSummaryUuid)) return stop(Stop::kClosing, "a summary");
  // Looked at before the scan, which reads into the same buffer.
  const std::size_t bytes = start.size();
  const FourCc type = peek_box_header(start).value_or(BoxHeader{}).type;
  LT_ASSIGN(const bool is_zero, is_zero_to_the_end());
  if (is_zero) return stop(Stop::kZeros, "zeros up to the end");
  if (bytes < kUuidHeaderBytes) {
    return stop(Stop::kTornHead, "the file ends inside the header of a box");
  }
  return stop(Stop::kForeignBox,
              fmt::format("neither a record nor a summary but '{}'", to_text(type)));
}

Result<bool> RecordWalker::is_zero_to_the_end() {
  for (std::uint64_t at = walk_.stop_bytes; at < walk_.file_bytes;) {
    LT_ASSIGN(const ByteSpan chunk,
              read(at, std::min<std::uint64_t>(kChunkBytes, walk_.file_bytes - at)));
    if (chunk.empty()) break;
    if (std::ranges::any_of(chunk, [](std::byte byte) { return byte != std::byte{0}; }))
      return false;
    at += chunk.size();
  }
  return true;
}

Result<std::uint32_t> RecordWalker::payload_crc(const media::FragmentEntry& entry) {
  std::uint32_t crc = 0;
  const std::uint64_t end = entry.offset_bytes + entry.size_bytes;
  for (std::uint64_t at = entry.offset_bytes + entry.record_bytes; at < end;) {
    LT_ASSIGN(const ByteSpan chunk, read(at, std::min<std::uint64_t>(kChunkBytes, end - at)));
    if (chunk.empty()) return ~crc;  // the file shrinks under us: does not hold
    crc = base::crc32c(chunk, crc);
    at += chunk.size();
  }
  return crc;
}

std::string RecordWalker::chain_fault(const Record& record) const {
  const media::FragmentIndex& index = walk_.index;
  if (record.number != next_number_) {
    return fmt::format("fragment number {} where {} was expected", record.number, next_number_);
  }
  if (record.previous_crc != walk_.last_crc) return "it does not follow on what is before it";
  if (next_number_ > 1 &&
      (record.recording != index.recording || record.segment != index.segment)) {
    return "a record of another segment";
  }
  const bool is_known_track = std::ranges::any_of(
      index.tracks, [&record](const auto& track) { return track->track == record.entry.track; });
  if (!is_known_track)
    return fmt::format("track {} is not in the init segment", record.entry.track);
  if (next_number_ > kMaxFragments) return "too many fragments";
  return {};
}

Walk RecordWalker::finish() && { return std::move(walk_); }

}  // namespace longtake::isobmff
