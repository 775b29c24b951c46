#include "isobmff/init.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "isobmff/box.h"
#include "isobmff/sample_entry.h"

namespace longtake::isobmff {
namespace {

using media::TrackConfig;
using media::TrackKind;

constexpr std::size_t kMaxTracks = 16;  // limits::kTracksPerSession of them are ever recorded

// The identity matrix of mvhd and tkhd, §8.2.2.2.
void write_matrix(ByteWriter& out) {
  for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U})
    out.u32(value);
}

void write_ftyp(ByteWriter& out) {
  const BoxWriter box(out, four_cc("ftyp"));
  // iso5: default-base-is-moof; iso6: tfdt and signed composition offsets.
  out.u32(four_cc("iso5")).u32(0).u32(four_cc("iso5")).u32(four_cc("iso6")).u32(four_cc("mp41"));
}

void write_mvhd(ByteWriter& out) {
  const BoxWriter box(out, four_cc("mvhd"), 0, 0);
  out.u32(0).u32(0);     // times of creation and modification: the same tracks give the same bytes
  out.u32(1000).u32(0);  // timescale; duration 0: fragments follow
  out.u32(0x10000).u16(0x100).zeros(10);  // rate 1, volume 1
  write_matrix(out);
  out.zeros(24).u32(0xffffffff);  // next track id: none is ever added
}

void write_tkhd(ByteWriter& out, const TrackConfig& track) {
  constexpr std::uint32_t kEnabledInMovie = 3;
  const bool is_audio = track.kind == TrackKind::kAudio;
  const BoxWriter box(out, four_cc("tkhd"), 0, kEnabledInMovie);
  out.u32(0).u32(0).u32(track.track).u32(0).u32(0).zeros(8);
  out.u16(0).u16(0).u16(is_audio ? 0x100 : 0).u16(0);
  write_matrix(out);
  out.u32(track.width << 16U).u32(track.height << 16U);
}

void write_handler(ByteWriter& out, const TrackConfig& track) {
  const bool is_audio = track.kind == TrackKind::kAudio;
  const BoxWriter box(out, four_cc("hdlr"), 0, 0);
  out.u32(0).u32(is_audio ? four_cc("soun") : four_cc("vide")).zeros(12);
  out.text(is_audio ? "audio" : "video").u8(0);
}

void write_media_header(ByteWriter& out, const TrackConfig& track) {
  if (track.kind == TrackKind::kAudio) {
    const BoxWriter box(out, four_cc("smhd"), 0, 0);
    out.u32(0);
  } else {
    const BoxWriter box(out, four_cc("vmhd"), 0, 1);
    out.zeros(8);
  }
}

Result<void> write_sample_table(ByteWriter& out, const TrackConfig& track) {
  const BoxWriter table(out, four_cc("stbl"));
  {
    const BoxWriter description(out, four_cc("stsd"), 0, 0);
    out.u32(1);
    LT_TRY(write_sample_entry(out, track));
  }
  for (const FourCc empty : {four_cc("stts"), four_cc("stsc"), four_cc("stco")}) {
    const BoxWriter box(out, empty, 0, 0);
    out.u32(0);
  }
  const BoxWriter sizes(out, four_cc("stsz"), 0, 0);
  out.u32(0).u32(0);
  return {};
}

void write_data_information(ByteWriter& out) {
  const BoxWriter information(out, four_cc("dinf"));
  const BoxWriter references(out, four_cc("dref"), 0, 0);
  out.u32(1);
  const BoxWriter this_file(out, four_cc("url "), 0, 1);
}

Result<void> write_trak(ByteWriter& out, const TrackConfig& track) {
  constexpr std::uint16_t kUndetermined = 0x55c4;  // language "und"
  const BoxWriter trak(out, four_cc("trak"));
  write_tkhd(out, track);
  const BoxWriter mdia(out, four_cc("mdia"));
  {
    const BoxWriter mdhd(out, four_cc("mdhd"), 0, 0);
    out.u32(0).u32(0).u32(track.timescale_hz).u32(0).u16(kUndetermined).u16(0);
  }
  write_handler(out, track);
  const BoxWriter minf(out, four_cc("minf"));
  write_media_header(out, track);
  write_data_information(out);
  return write_sample_table(out, track);
}

void write_mvex(ByteWriter& out, std::span<const media::TrackConfigPtr> tracks) {
  const BoxWriter mvex(out, four_cc("mvex"));
  for (const auto& track : tracks) {
    const BoxWriter trex(out, four_cc("trex"), 0, 0);
    out.u32(track->track).u32(1).u32(0).u32(0).u32(0);  // all defaults are said in each tfhd
  }
}

/// Rule 4 for the first record: its fields must fit in the page in which moov ends.
std::size_t free_box_bytes(std::size_t end) {
  const std::size_t room = kPageBytes - end % kPageBytes;
  if (room >= kMinRecordBytes) return 0;
  return room >= kBoxHeaderBytes ? room : room + kPageBytes;
}

Result<void> check_tracks(std::span<const media::TrackConfigPtr> tracks) {
  if (tracks.empty() || tracks.size() > kMaxTracks) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("an init segment of {} tracks; 1 to {} are possible", tracks.size(),
                            kMaxTracks));
  }
  std::bitset<256> seen;
  for (const auto& track : tracks) {
    if (track->track == 0 || seen.test(track->track) || track->timescale_hz == 0) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "track {} with timescale {}: ids are 1 to 255 and differ, timescales are not 0",
              track->track, track->timescale_hz));
    }
    seen.set(track->track);
  }
  return {};
}

}  // namespace

Result<Bytes> make_init(std::span<const media::TrackConfigPtr> tracks) {
  LT_TRY(check_tracks(tracks));
  Bytes init;
  ByteWriter out(init);
  write_ftyp(out);
  {
    const BoxWriter moov(out, four_cc("moov"));
    write_mvhd(out);
    for (const auto& track : tracks) LT_TRY(write_trak(out, *track));
    write_mvex(out, tracks);
    if (const std::size_t free_bytes = free_box_bytes(out.size()); free_bytes > 0) {
      const BoxWriter free(out, four_cc("free"));
      out.zeros(free_bytes - kBoxHeaderBytes);
    }
  }
  if (init.size() > kMaxInitBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("an init segment of {} bytes; at most {}", init.size(), kMaxInitBytes));
  }
  return init;
}

namespace {

Result<std::uint32_t> read_u32_at(const Box& box, std::size_t at) {
  Cursor cursor(box.payload);
  cursor.skip(std::min(at, cursor.remaining()));
  if (const auto value = cursor.u32()) return *value;
  return fail(ErrorCode::kDataLoss, fmt::format("'{}' is cut short", to_text(box.type)));
}

Result<media::TrackConfigPtr> parse_trak(const Box& trak) {
  TrackConfig track;
  LT_ASSIGN(const auto boxes, parse_boxes(trak.payload));
  LT_ASSIGN(const Box tkhd, require_box(boxes, four_cc("tkhd")));
  LT_ASSIGN(const auto in_mdia, parse_children(boxes, four_cc("mdia")));
  LT_ASSIGN(const Box mdhd, require_box(in_mdia, four_cc("mdhd")));
  LT_ASSIGN(const auto in_minf, parse_children(in_mdia, four_cc("minf")));
  LT_ASSIGN(const auto in_stbl, parse_children(in_minf, four_cc("stbl")));
  LT_ASSIGN(const Box stsd, require_box(in_stbl, four_cc("stsd")));
  LT_ASSIGN(const std::uint32_t track_id, read_u32_at(tkhd, 12));
  LT_ASSIGN(const std::uint32_t timescale, read_u32_at(mdhd, 12));
  if (track_id == 0 || track_id > 255 || timescale == 0) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("track {} with timescale {}", track_id, timescale));
  }
  track.track = static_cast<media::TrackId>(track_id);
  track.timescale_hz = timescale;
  constexpr std::size_t kStsdFields = 8;
  if (stsd.payload.size() < kStsdFields) return fail(ErrorCode::kDataLoss, "'stsd' is cut short");
  LT_ASSIGN(const auto entries, parse_boxes(stsd.payload.subspan(kStsdFields)));
  if (entries.size() != 1)
    return fail(ErrorCode::kDataLoss, fmt::format("{} sample entries", entries.size()));
  LT_TRY(read_sample_entry(entries.front(), track));
  return std::make_shared<const TrackConfig>(std::move(track));
}

}  // namespace

Result<std::uint64_t> init_size(ByteSpan file_start) {
  const auto ftyp = peek_box_header(file_start);
  if (!ftyp || ftyp->type != four_cc("ftyp") || ftyp->size < kBoxHeaderBytes ||
      ftyp->size > file_start.size()) {
    return fail(ErrorCode::kDataLoss, "the file does not begin with ftyp");
  }
  const auto moov = peek_box_header(file_start.subspan(ftyp->size));
  if (!moov || moov->type != four_cc("moov") || moov->size < kBoxHeaderBytes ||
      moov->size > kMaxInitBytes) {
    return fail(ErrorCode::kDataLoss, "no moov behind ftyp");
  }
  return std::uint64_t{ftyp->size} + moov->size;
}

Result<Init> parse_init(ByteSpan file_start) {
  LT_ASSIGN(const std::uint64_t size, init_size(file_start));
  if (size > file_start.size()) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("ftyp and moov are {} bytes, {} are there", size, file_start.size()));
  }
  LT_ASSIGN(const auto boxes, parse_boxes(file_start.first(size)));
  LT_ASSIGN(const auto in_moov, parse_children(boxes, four_cc("moov")));
  LT_TRY(require_box(in_moov, four_cc("mvex")));
  Init init;
  init.bytes = size;
  std::bitset<256> seen;
  for (const Box& box : in_moov) {
    if (box.type != four_cc("trak")) continue;
    auto track = parse_trak(box);
    if (!track) return std::unexpected(std::move(track).error().in("trak"));
    if (seen.test((*track)->track)) return fail(ErrorCode::kDataLoss, "two tracks with one id");
    seen.set((*track)->track);
    init.tracks.push_back(std::move(*track));
  }
  if (init.tracks.empty()) return fail(ErrorCode::kDataLoss, "moov without a track");
  return init;
}

}  // namespace longtake::isobmff
