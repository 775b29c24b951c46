#include "isobmff/fragment.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

enum TfhdFlag : std::uint32_t {
  kDefaultDuration = 0x8,
  kDefaultSize = 0x10,
  kDefaultFlags = 0x20,
  kDefaultBaseIsMoof = 0x20000,
};
enum TrunFlag : std::uint32_t {
  kDataOffset = 0x1,
  kFirstSampleFlags = 0x4,
  kSampleDuration = 0x100,
  kSampleSize = 0x200,
  kSampleFlags = 0x400,
  kSampleComposition = 0x800,
};

constexpr std::size_t kFullBoxBytes = 12;
constexpr std::size_t kMfhdBytes = kFullBoxBytes + 4;
constexpr std::size_t kTfdtBytes = kFullBoxBytes + 8;

std::uint32_t size_of(const FragmentSample& sample) {
  return static_cast<std::uint32_t>(sample.unit->payload.size());
}
bool is_sync(const FragmentSample& sample) { return sample.unit->is_sync; }
std::uint32_t flags_of(const FragmentSample& sample) {
  return is_sync(sample) ? kSyncSampleFlags : kNonSyncSampleFlags;
}

/// What all samples of a fragment share, which need not be said for each: decided in one pass.
struct Shape {
  bool has_one_duration = true;
  bool has_one_size = true;
  bool has_composition = false;
  bool has_one_kind_after_first = true;  // all but the first are sync, or none is
  bool has_one_kind = true;              // the first as well
  bool has_later_sync = false;
  bool is_damaged = false;
  std::int64_t duration_ticks = 0;
  std::uint64_t data_bytes = 0;
  std::uint32_t most_composition = 0;
  std::uint32_t default_flags = 0;

  [[nodiscard]] std::uint32_t tfhd_flags() const {
    return kDefaultBaseIsMoof | kDefaultFlags | (has_one_duration ? kDefaultDuration : 0U) |
           (has_one_size ? kDefaultSize : 0U);
  }
  [[nodiscard]] std::uint32_t trun_flags() const {
    std::uint32_t flags = kDataOffset;
    if (!has_one_duration) flags |= kSampleDuration;
    if (!has_one_size) flags |= kSampleSize;
    if (has_composition) flags |= kSampleComposition;
    if (!has_one_kind_after_first) {
      flags |= kSampleFlags;
    } else if (!has_one_kind) {
      flags |= kFirstSampleFlags;
    }
    return flags;
  }
  [[nodiscard]] std::size_t tfhd_bytes() const {
    return kFullBoxBytes + 8 + (has_one_duration ? 4 : 0) + (has_one_size ? 4 : 0);
  }
  [[nodiscard]] std::size_t trun_bytes(std::size_t samples) const {
    const std::size_t per_sample = (has_one_duration ? 0U : 4U) + (has_one_size ? 0U : 4U) +
                                   (has_one_kind_after_first ? 0U : 4U) +
                                   (has_composition ? 4U : 0U);
    const bool has_first_flags = has_one_kind_after_first && !has_one_kind;
    return kFullBoxBytes + 8 + (has_first_flags ? 4 : 0) + per_sample * samples;
  }
  [[nodiscard]] std::size_t traf_bytes(std::size_t samples) const {
    return kBoxHeaderBytes + tfhd_bytes() + kTfdtBytes + trun_bytes(samples);
  }
  [[nodiscard]] std::size_t moof_bytes(std::size_t samples) const {
    return kBoxHeaderBytes + kMfhdBytes + traf_bytes(samples);
  }
};

Shape shape_of(std::span<const FragmentSample> samples) {
  Shape shape;
  const FragmentSample& first = samples.front();
  const FragmentSample& second = samples[samples.size() > 1 ? 1 : 0];
  shape.default_flags = flags_of(second);
  shape.has_one_kind = is_sync(first) == is_sync(second);
  for (const FragmentSample& sample : samples) {
    const bool is_first = &sample == &first;
    shape.has_one_duration &= sample.duration_ticks == first.duration_ticks;
    shape.has_one_size &= size_of(sample) == size_of(first);
    shape.has_composition |= sample.composition_ticks != 0;
    shape.has_one_kind_after_first &= is_first || is_sync(sample) == is_sync(second);
    shape.has_later_sync |= !is_first && is_sync(sample);
    shape.is_damaged |= sample.unit->is_damaged;
    shape.duration_ticks += sample.duration_ticks;
    shape.data_bytes += sample.unit->payload.size();
    shape.most_composition = std::max(shape.most_composition, sample.composition_ticks);
  }
  return shape;
}

void write_trun(ByteWriter& out, const Shape& shape, std::span<const FragmentSample> samples) {
  // Version 1 only where offsets exist: some old demuxers know version 0 alone.
  const BoxWriter trun(out, four_cc("trun"), shape.has_composition ? 1 : 0, shape.trun_flags());
  out.u32(static_cast<std::uint32_t>(samples.size()));
  out.u32(static_cast<std::uint32_t>(shape.moof_bytes(samples.size()) +
                                     kBoxHeaderBytes));  // from moof's start
  if ((shape.trun_flags() & kFirstSampleFlags) != 0) out.u32(flags_of(samples.front()));
  for (const FragmentSample& sample : samples) {
    if (!shape.has_one_duration) out.u32(sample.duration_ticks);
    if (!shape.has_one_size) out.u32(size_of(sample));
    if (!shape.has_one_kind_after_first) out.u32(flags_of(sample));
    if (shape.has_composition) out.u32(sample.composition_ticks);
  }
}

void write_moof(ByteWriter& out, const Record& record, const Shape& shape,
                std::span<const FragmentSample> samples) {
  const BoxWriter moof(out, four_cc("moof"));
  {
    const BoxWriter mfhd(out, four_cc("mfhd"), 0, 0);
    out.u32(record.number);
  }
  const BoxWriter traf(out, four_cc("traf"));
  {
    const BoxWriter tfhd(out, four_cc("tfhd"), 0, shape.tfhd_flags());
    out.u32(record.entry.track);
    if (shape.has_one_duration) out.u32(samples.front().duration_ticks);
    if (shape.has_one_size) out.u32(size_of(samples.front()));
    out.u32(shape.default_flags);
  }
  {
    const BoxWriter tfdt(out, four_cc("tfdt"), 1, 0);
    out.i64(record.entry.media_start_ticks);
  }
  write_trun(out, shape, samples);
}

std::uint64_t round_up_to_page(std::uint64_t value) {
  return (value + kPageBytes - 1) / kPageBytes * kPageBytes;
}

bool straddles(std::uint64_t start, std::uint64_t bytes) {
  return start / kPageBytes != (start + bytes - 1) / kPageBytes;
}

/// How far `end` must move so that a record without padding fits behind it in its page.
std::uint64_t missing_room(std::uint64_t end) {
  const std::uint64_t room = kPageBytes - end % kPageBytes;
  return room < kMinRecordBytes ? room : 0;
}

}  // namespace

std::uint32_t padded_record_bytes(std::uint64_t offset_bytes, std::uint64_t head_bytes,
                                  std::uint64_t data_bytes) {
  const std::uint64_t all = head_bytes + data_bytes;
  std::uint64_t start = offset_bytes + kMinRecordBytes;  // of moof
  if (straddles(start, head_bytes)) start = round_up_to_page(start);
  start += missing_room(start + all);
  if (straddles(start, head_bytes) && head_bytes <= kPageBytes - kMinRecordBytes) {
    // At most kMinRecordBytes - 1 bytes into a page such a head fits, so this is the last step.
    start = round_up_to_page(start);
    start += missing_room(start + all);
  }
  return static_cast<std::uint32_t>(start - offset_bytes);
}

FragmentBuilder::FragmentBuilder(media::RecordingId recording, media::SegmentId segment,
                                 std::span<const media::TrackConfigPtr> tracks, ByteSpan init)
    : recording_(recording),
      segment_(segment),
      end_bytes_(init.size()),
      last_crc_(base::crc32c(init)) {
  tracks_.reserve(tracks.size());
  for (const auto& track : tracks) tracks_.push_back({track->track, track->kind});
}

const media::TrackKind* FragmentBuilder::kind_of(media::TrackId track) const {
  const auto found = std::ranges::find(tracks_, track, &TrackKindOf::track);
  return found == tracks_.end() ? nullptr : &found->kind;
}

Result<media::FragmentEntry> FragmentBuilder::prepare(const media::FragmentEntry& given,
                                                      std::span<const FragmentSample> samples) {
  prepared_.number = 0;
  const media::TrackKind* kind = kind_of(given.track);
  if (kind == nullptr || samples.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("track {}: a fragment of {} samples of a track that is {}in the init segment",
                    given.track, samples.size(), kind == nullptr ? "not " : ""));
  }
  const Shape shape = shape_of(samples);
  if (samples.size() > kMaxSamplesPerFragment || shape.data_bytes > limits::kFragmentBytes ||
      next_number_ > kMaxFragments) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("track {}: fragment {} of {} samples and {} bytes; at most {} "
                            "fragments of {} samples and "
                            "{} bytes: cut earlier",
                            given.track, next_number_, samples.size(), shape.data_bytes,
                            kMaxFragments, kMaxSamplesPerFragment, limits::kFragmentBytes));
  }
  constexpr std::uint32_t kMostComposition = std::numeric_limits<std::int32_t>::max();
  if ((*kind == media::TrackKind::kVideo && shape.has_later_sync) ||
      shape.most_composition > kMostComposition) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "track {}: more than one GOP in a fragment, or a composition offset of {} ticks",
            given.track, shape.most_composition));
  }

  media::FragmentEntry entry = given;
  entry.sample_count = static_cast<std::uint32_t>(samples.size());
  entry.duration_ticks = shape.duration_ticks;
  entry.composition_ticks = samples.front().composition_ticks;
  entry.is_sync = is_sync(samples.front());
  entry.is_damaged = given.is_damaged || shape.is_damaged;
  entry.offset_bytes = end_bytes_;
  LT_ASSIGN(entry, as_stored(entry));

  const std::size_t head_bytes = shape.moof_bytes(samples.size()) + kBoxHeaderBytes;
  entry.record_bytes = padded_record_bytes(end_bytes_, head_bytes, shape.data_bytes);
  entry.head_bytes = entry.record_bytes + static_cast<std::uint32_t>(head_bytes);
  entry.size_bytes = entry.head_bytes + static_cast<std::uint32_t>(shape.data_bytes);
  const Record record{.recording = recording_,
                      .segment = segment_,
                      .number = next_number_,
                      .payload_crc = 0,
                      .previous_crc = last_crc_,
                      .own_crc = 0,
                      .entry = entry};
  moof_.clear();
  ByteWriter out(moof_);
  write_moof(out, record, shape, samples);
  out.u32(mdat_bytes(entry)).u32(four_cc("mdat"));
  LT_CHECK(moof_.size() == head_bytes);
  finish(record, samples);
  return entry;
}

void FragmentBuilder::finish(Record record, std::span<const FragmentSample> samples) {
  parts_.assign({ByteSpan(), ByteSpan(moof_)});
  record.payload_crc = base::crc32c(moof_);
  for (const FragmentSample& sample : samples) {
    const ByteSpan payload = sample.unit->payload;
    if (payload.empty()) continue;
    parts_.push_back(payload);
    record.payload_crc = base::crc32c(payload, record.payload_crc);
  }
  record_.clear();
  encode_record(record, record_);
  parts_.front() = record_;
  prepared_ = record;
}

void FragmentBuilder::advance() {
  LT_CHECK(prepared_.number != 0);
  end_bytes_ += prepared_.entry.size_bytes;
  last_crc_ = prepared_.own_crc;
  ++next_number_;
  prepared_.number = 0;
}

}  // namespace longtake::isobmff
