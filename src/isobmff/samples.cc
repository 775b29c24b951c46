#include "isobmff/samples.h"

#include <fmt/format.h>

#include <limits>

#include "isobmff/box.h"
#include "isobmff/record.h"

namespace longtake::isobmff {
namespace {

std::unexpected<Error> malformed(std::string_view box) {
  return fail(ErrorCode::kDataLoss, fmt::format("'{}' is malformed", box));
}

/// tfhd's defaults, §8.8.7.
struct Defaults {
  std::uint32_t duration_ticks = 0;
  std::uint32_t size_bytes = 0;
  std::uint32_t flags = 0;
};

struct Header {
  media::TrackId track = 0;
  Defaults defaults;
};

Result<Header> read_tfhd(const Box& box) {
  constexpr std::uint32_t kDefaultBaseIsMoof = 0x20000;
  constexpr std::uint32_t kKnown = kDefaultBaseIsMoof | 0x38;
  Cursor cursor(box.payload);
  const auto header = read_full_box_header(cursor);
  const auto track = cursor.u32();
  if (!header || !track || *track == 0 || *track > 255 ||
      (header->flags & kDefaultBaseIsMoof) == 0 || (header->flags & ~kKnown) != 0) {
    return malformed("tfhd");
  }
  Header result;
  result.track = static_cast<media::TrackId>(*track);
  const auto optional_field = [&](std::uint32_t flag, std::uint32_t& into) {
    if ((header->flags & flag) == 0) return true;
    const auto value = cursor.u32();
    if (value) into = *value;
    return value.has_value();
  };
  if (!optional_field(0x8, result.defaults.duration_ticks) ||
      !optional_field(0x10, result.defaults.size_bytes) ||
      !optional_field(0x20, result.defaults.flags) || !cursor.is_at_end()) {
    return malformed("tfhd");
  }
  return result;
}

Result<std::int64_t> read_tfdt(const Box& box) {
  Cursor cursor(box.payload);
  const auto header = read_full_box_header(cursor);
  const auto time = cursor.u64();
  // Up to 2^62: no sum with the durations of a fragment can leave 64 bits.
  if (!header || header->version != 1 || !time || *time > std::uint64_t{1} << 62U ||
      !cursor.is_at_end()) {
    return malformed("tfdt");
  }
  return static_cast<std::int64_t>(*time);
}

struct Run {
  std::uint32_t flags = 0;
  std::uint32_t sample_count = 0;
  std::uint32_t data_offset = 0;  // from moof's start
  std::uint32_t first_flags = 0;
};

/// One row of trun, §8.8.8; nothing when it is cut short or an offset is negative.
std::optional<Sample> read_row(Cursor& cursor, const Run& run, const Defaults& defaults,
                               bool is_first) {
  constexpr std::uint32_t kIsNonSync = 0x10000;
  const auto field = [&](std::uint32_t flag,
                         std::uint32_t otherwise) -> std::optional<std::uint32_t> {
    return (run.flags & flag) != 0 ? cursor.u32() : otherwise;
  };
  const auto duration = field(0x100, defaults.duration_ticks);
  const auto size = field(0x200, defaults.size_bytes);
  const bool has_first_flags = is_first && (run.flags & 0x4) != 0;
  const auto flags = field(0x400, has_first_flags ? run.first_flags : defaults.flags);
  const auto composition = field(0x800, 0);
  if (!duration || !size || !flags || !composition) return std::nullopt;
  if (*composition > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
    return std::nullopt;
  Sample sample;
  sample.duration_ticks = *duration;
  sample.size_bytes = *size;
  sample.composition_ticks = *composition;
  sample.is_sync = (*flags & kIsNonSync) == 0;
  return sample;
}

Result<Run> read_run_start(Cursor& cursor) {
  constexpr std::uint32_t kKnown = 0x1 | 0x4 | 0xf00;
  const auto header = read_full_box_header(cursor);
  const auto count = cursor.u32();
  const auto data_offset = cursor.u32();
  if (!header || !count || !data_offset || header->version > 1 || (header->flags & ~kKnown) != 0 ||
      (header->flags & 0x1) == 0 || *count == 0 || *count > kMaxSamplesPerFragment) {
    return malformed("trun");
  }
  Run run{header->flags, *count, *data_offset, 0};
  if ((run.flags & 0x4) != 0) {
    const auto first_flags = cursor.u32();
    if (!first_flags) return malformed("trun");
    run.first_flags = *first_flags;
  }
  return run;
}

/// Appends the samples of the one trun; `data_start` is where mdat's payload begins.
Result<void> read_trun(const Box& box, const Defaults& defaults, std::uint64_t moof_start,
                       std::uint64_t data_start, MovieFragment& into) {
  Cursor cursor(box.payload);
  LT_ASSIGN(const Run run, read_run_start(cursor));
  if (moof_start + run.data_offset != data_start) return malformed("trun");
  std::uint64_t offset = data_start;
  std::int64_t time = into.decode_ticks;
  into.samples.reserve(run.sample_count);
  for (std::uint32_t i = 0; i < run.sample_count; ++i) {
    auto sample = read_row(cursor, run, defaults, i == 0);
    if (!sample) return malformed("trun");
    sample->offset_bytes = offset;
    sample->decode_ticks = time;
    offset += sample->size_bytes;
    time += sample->duration_ticks;
    into.samples.push_back(*sample);
  }
  if (!cursor.is_at_end()) return malformed("trun");
  if (offset - data_start != into.mdat_bytes - kBoxHeaderBytes) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("the samples are {} bytes, mdat holds {}", offset - data_start,
                            into.mdat_bytes - kBoxHeaderBytes));
  }
  return {};
}

Result<std::uint32_t> read_mfhd(const Box& box) {
  Cursor cursor(box.payload);
  const auto header = read_full_box_header(cursor);
  const auto sequence = cursor.u32();
  if (!header || !sequence || !cursor.is_at_end()) return malformed("mfhd");
  return *sequence;
}

Result<void> read_moof(const Box& moof, std::size_t data_start, MovieFragment& into) {
  LT_ASSIGN(const auto in_moof, parse_boxes(moof.payload));
  LT_ASSIGN(const Box mfhd, require_box(in_moof, four_cc("mfhd")));
  LT_ASSIGN(const Box traf, require_box(in_moof, four_cc("traf")));
  LT_ASSIGN(const auto in_traf, parse_boxes(traf.payload));
  LT_ASSIGN(const Box tfhd, require_box(in_traf, four_cc("tfhd")));
  LT_ASSIGN(const Box tfdt, require_box(in_traf, four_cc("tfdt")));
  LT_ASSIGN(const Box trun, require_box(in_traf, four_cc("trun")));
  if (in_moof.size() != 2 || in_traf.size() != 3) return malformed("moof");
  LT_ASSIGN(into.sequence, read_mfhd(mfhd));
  LT_ASSIGN(const Header header, read_tfhd(tfhd));
  into.track = header.track;
  LT_ASSIGN(into.decode_ticks, read_tfdt(tfdt));
  constexpr std::size_t kVersionAndFlags = 4;
  const std::size_t traf_start = moof.offset + kBoxHeaderBytes + traf.offset;
  into.decode_time_position =
      traf_start + kBoxHeaderBytes + tfdt.offset + kBoxHeaderBytes + kVersionAndFlags;
  return read_trun(trun, header.defaults, moof.offset, data_start, into);
}

}  // namespace

Result<MovieFragment> read_samples(ByteSpan head) {
  if (!is_uuid_box(head, kRecordUuid))
    return fail(ErrorCode::kDataLoss, "not the head of a fragment");
  const std::size_t record_bytes = peek_box_header(head)->size;
  if (record_bytes < kUuidHeaderBytes || head.size() < record_bytes + 2 * kBoxHeaderBytes)
    return malformed("record");
  const std::size_t moof_bytes = head.size() - record_bytes - kBoxHeaderBytes;
  const auto mdat = peek_box_header(head.last(kBoxHeaderBytes));
  if (mdat->type != four_cc("mdat") || mdat->size < kBoxHeaderBytes) return malformed("mdat");
  LT_ASSIGN(const auto boxes, parse_boxes(head.subspan(record_bytes, moof_bytes)));
  if (boxes.size() != 1 || boxes.front().type != four_cc("moof")) return malformed("moof");
  Box moof = boxes.front();
  moof.offset += record_bytes;
  MovieFragment fragment;
  fragment.mdat_bytes = mdat->size;
  LT_TRY(read_moof(moof, head.size(), fragment));
  return fragment;
}

}  // namespace longtake::isobmff
