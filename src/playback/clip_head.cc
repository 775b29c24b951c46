#include "playback/clip_head.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "isobmff/box.h"
#include "isobmff/sample_entry.h"
#include "playback/media_segment.h"

namespace longtake::playback {
namespace {

using isobmff::four_cc;
using isobmff::FourCc;

constexpr std::uint32_t kMovieTimescale = 90'000;
constexpr std::uint64_t kMdatHeaderBytes = 16;  // with a 64-bit size

std::uint64_t movie_ticks(microseconds duration) {
  return static_cast<std::uint64_t>(utc_ticks(WallTime(duration), kMovieTimescale));
}

/// Writes boxes whose size includes tables that are not written.
class HeadWriter {
 public:
  ByteWriter& out() { return out_; }
  void begin(FourCc type) {
    open_.push_back({bytes_.size(), table_bytes_});
    out_.u32(0).u32(type);
  }
  void begin_full(FourCc type, std::uint8_t version, std::uint32_t flags) {
    begin(type);
    out_.u32(static_cast<std::uint32_t>(version) << 24U | flags);
  }
  void end() {
    const auto [at, tables] = open_.back();
    open_.pop_back();
    out_.patch_u32(at, static_cast<std::uint32_t>(bytes_.size() - at + table_bytes_ - tables));
  }
  void table(ClipTable table, std::uint64_t length) {
    if (length == 0) return;
    cut();
    head_.pieces.push_back({size_, nullptr, table});
    size_ += length;
    table_bytes_ += length;
  }
  /// The mdat header goes behind everything.
  ClipHead finish(std::uint64_t payload_bytes) {
    LT_CHECK(open_.empty());
    out_.u32(1).u32(four_cc("mdat")).u64(kMdatHeaderBytes + payload_bytes);
    cut();
    // Only now are the sizes of the boxes around the tables known.
    std::size_t from = 0;
    for (std::size_t i = 0, cut = 0; i < head_.pieces.size(); ++i) {
      if (head_.pieces[i].table) continue;
      const std::size_t to = cuts_[cut++];
      head_.pieces[i].bytes =
          std::make_shared<const Bytes>(bytes_.begin() + static_cast<std::ptrdiff_t>(from),
                                        bytes_.begin() + static_cast<std::ptrdiff_t>(to));
      from = to;
    }
    head_.size_bytes = size_;
    return std::move(head_);
  }

 private:
  void cut() {
    const std::size_t had = cuts_.empty() ? 0 : cuts_.back();
    if (bytes_.size() == had) return;
    head_.pieces.push_back({size_, nullptr, std::nullopt});
    size_ += bytes_.size() - had;
    cuts_.push_back(bytes_.size());
  }

  struct Open {
    std::size_t at;
    std::uint64_t tables;
  };
  Bytes bytes_;
  ByteWriter out_{bytes_};
  std::vector<Open> open_;
  std::vector<std::size_t> cuts_;
  std::uint64_t table_bytes_ = 0;
  std::uint64_t size_ = 0;
  ClipHead head_;
};

void write_matrix(ByteWriter& out) {
  for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U})
    out.u32(value);
}

void write_edit_list(HeadWriter& head, const ClipPlan& plan, const ClipTrack& track) {
  head.begin(four_cc("edts"));
  head.begin_full(four_cc("elst"), 1, 0);
  const bool is_late = track.empty.count() > 0;
  head.out().u32(is_late ? 2 : 1);
  if (is_late) head.out().u64(movie_ticks(track.empty)).i64(-1).u32(0x10000);
  head.out()
      .u64(movie_ticks(plan.duration - std::min(track.empty, plan.duration)))
      .i64(track.media_start_ticks)
      .u32(0x10000);
  head.end();
  head.end();
}

void write_table(HeadWriter& head, FourCc type, std::size_t rows, ClipTable table,
                 std::uint64_t row_bytes) {
  head.begin_full(type, 0, 0);
  if (table.kind == ClipTable::Kind::kSize) head.out().u32(0);
  head.out().u32(static_cast<std::uint32_t>(rows));
  head.table(table, rows * row_bytes);
  head.end();
}

void write_sample_table(HeadWriter& head, const ClipTrack& track, std::size_t number) {
  head.begin(four_cc("stbl"));
  head.begin_full(four_cc("stsd"), 0, 0);
  head.out().u32(1);
  // It was written into the file's own init segment, or there would be no file.
  LT_CHECK(isobmff::write_sample_entry(head.out(), *track.config).has_value());
  head.end();
  using Kind = ClipTable::Kind;
  write_table(head, four_cc("stts"), track.sample_count, {Kind::kDuration, number}, 8);
  if (track.has_composition)
    write_table(head, four_cc("ctts"), track.sample_count, {Kind::kComposition, number}, 8);
  if (track.config->kind == media::TrackKind::kVideo)
    write_table(head, four_cc("stss"), track.sync_count, {Kind::kSync, number}, 4);
  write_table(head, four_cc("stsz"), track.sample_count, {Kind::kSize, number}, 4);
  write_table(head, four_cc("stsc"), track.fragments.size(), {Kind::kChunk, number}, 12);
  write_table(head, four_cc("co64"), track.fragments.size(), {Kind::kOffset, number}, 8);
  head.end();
}

void write_media(HeadWriter& head, const ClipPlan& plan, const ClipTrack& track,
                 std::size_t number) {
  constexpr std::uint16_t kUndetermined = 0x55c4;  // language "und"
  const bool is_audio = track.config->kind == media::TrackKind::kAudio;
  head.begin(four_cc("mdia"));
  head.begin_full(four_cc("mdhd"), 1, 0);
  const auto end = static_cast<std::uint64_t>(plan.fragments[track.fragments.back()].end_ticks);
  head.out().u64(0).u64(0).u32(track.config->timescale_hz).u64(end).u16(kUndetermined).u16(0);
  head.end();
  head.begin_full(four_cc("hdlr"), 0, 0);
  head.out().u32(0).u32(is_audio ? four_cc("soun") : four_cc("vide")).zeros(12);
  head.out().text(is_audio ? "audio" : "video").u8(0);
  head.end();
  head.begin(four_cc("minf"));
  head.begin_full(is_audio ? four_cc("smhd") : four_cc("vmhd"), 0, is_audio ? 0 : 1);
  head.out().zeros(is_audio ? 4 : 8);
  head.end();
  head.begin(four_cc("dinf"));
  head.begin_full(four_cc("dref"), 0, 0);
  head.out().u32(1);
  head.begin_full(four_cc("url "), 0, 1);
  head.end();
  head.end();
  head.end();
  write_sample_table(head, track, number);
  head.end();
  head.end();
}

void write_track(HeadWriter& head, const ClipPlan& plan, std::size_t number) {
  constexpr std::uint32_t kEnabledInMovie = 3;
  const ClipTrack& track = plan.tracks[number];
  const bool is_audio = track.config->kind == media::TrackKind::kAudio;
  head.begin(four_cc("trak"));
  head.begin_full(four_cc("tkhd"), 1, kEnabledInMovie);
  head.out().u64(0).u64(0).u32(track.config->track).u32(0).u64(movie_ticks(plan.duration));
  head.out().zeros(8).u16(0).u16(0).u16(is_audio ? 0x100 : 0).u16(0);
  write_matrix(head.out());
  head.out().u32(track.config->width << 16U).u32(track.config->height << 16U);
  head.end();
  write_edit_list(head, plan, track);
  write_media(head, plan, track, number);
  head.end();
}

}  // namespace

ClipHead make_clip_head(const ClipPlan& plan) {
  HeadWriter head;
  head.begin(four_cc("ftyp"));
  head.out().u32(four_cc("isom")).u32(0x200);
  head.out().u32(four_cc("isom")).u32(four_cc("iso2")).u32(four_cc("mp41"));
  head.end();
  head.begin(four_cc("moov"));
  head.begin_full(four_cc("mvhd"), 1, 0);
  head.out().u64(0).u64(0).u32(kMovieTimescale).u64(movie_ticks(plan.duration));
  head.out().u32(0x10000).u16(0x100).zeros(10);
  write_matrix(head.out());
  head.out().zeros(24).u32(0xffffffff);
  head.end();
  for (std::size_t i = 0; i < plan.tracks.size(); ++i) write_track(head, plan, i);
  head.end();
  return head.finish(plan.payload_bytes);
}

std::uint64_t row_start(ClipTable::Kind kind, const ClipFragment& fragment, std::size_t chunk) {
  switch (kind) {
    case ClipTable::Kind::kDuration:
    case ClipTable::Kind::kComposition:
      return 8ULL * fragment.first_sample;
    case ClipTable::Kind::kSync:
      return 4ULL * fragment.sync_before;
    case ClipTable::Kind::kSize:
      return 4ULL * fragment.first_sample;
    case ClipTable::Kind::kChunk:
      return 12ULL * chunk;
    case ClipTable::Kind::kOffset:
      return 8ULL * chunk;
  }
  return 0;
}

std::vector<std::uint32_t> durations_of(const ClipFragment& fragment,
                                        std::span<const isobmff::Sample> samples) {
  std::vector<std::uint32_t> durations;
  std::int64_t sum = 0;
  for (const isobmff::Sample& sample : samples) {
    durations.push_back(std::max(sample.duration_ticks, 1U));
    sum += durations.back();
  }
  std::int64_t more = fragment.end_ticks - fragment.start_ticks - sum;
  for (std::size_t i = durations.size(); i-- > 0 && more != 0;) {
    const std::int64_t wanted = durations[i] + more;
    durations[i] = static_cast<std::uint32_t>(std::clamp<std::int64_t>(wanted, 1, UINT32_MAX));
    more = wanted - durations[i];
  }
  return durations;
}

}  // namespace longtake::playback
