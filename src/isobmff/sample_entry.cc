#include "isobmff/sample_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "codec/aac_config.h"

namespace longtake::isobmff {
namespace {

using media::Codec;
using media::TrackConfig;
using media::TrackKind;

std::unexpected<Error> torn(std::string_view what) {
  return fail(ErrorCode::kDataLoss, fmt::format("{} is cut short or malformed", what));
}

// Fields that every entry begins with (§8.5.2.2): reserved, then the data reference, 1 = this file.
void write_entry_start(ByteWriter& out) { out.zeros(6).u16(1); }

void write_visual_start(ByteWriter& out, const TrackConfig& track) {
  constexpr std::uint32_t k72DotsPerInch = 0x00480000;
  write_entry_start(out);
  out.zeros(16)
      .u16(static_cast<std::uint16_t>(track.width))
      .u16(static_cast<std::uint16_t>(track.height));
  out.u32(k72DotsPerInch).u32(k72DotsPerInch).u32(0).u16(1).zeros(32).u16(0x0018).u16(0xffff);
}
constexpr std::size_t kVisualStartBytes = 78;

void write_audio_start(ByteWriter& out, const TrackConfig& track) {
  // 16.16: rates from 65,536 Hz up do not fit; 0, and the decoder configuration tells (14496-14
  // §6.7.2).
  const std::uint32_t rate = track.sample_rate_hz > 0xffff ? 0 : track.sample_rate_hz;
  write_entry_start(out);
  out.zeros(8).u16(static_cast<std::uint16_t>(track.channels)).u16(16).u32(0).u32(rate << 16U);
}
constexpr std::size_t kAudioStartBytes = 28;

Result<ByteSpan> read_visual_start(ByteSpan payload, TrackConfig& into) {
  Cursor cursor(payload);
  if (payload.size() < kVisualStartBytes) return torn("the visual sample entry");
  cursor.skip(24);
  into.width = *cursor.u16();
  into.height = *cursor.u16();
  return payload.subspan(kVisualStartBytes);
}

Result<ByteSpan> read_audio_start(ByteSpan payload, TrackConfig& into) {
  Cursor cursor(payload);
  if (payload.size() < kAudioStartBytes) return torn("the audio sample entry");
  cursor.skip(16);
  into.channels = *cursor.u16();
  cursor.skip(6);
  into.sample_rate_hz = *cursor.u32() >> 16U;
  return payload.subspan(kAudioStartBytes);
}

// --- H.264: AVCSampleEntry, 14496-15 §5.4.2.1. 'avc1', with the parameter sets in band as well:
// what the camera sent stays, and ffmpeg's HLS client ignores a second init segment.

void write_avc1(ByteWriter& out, const TrackConfig& track) {
  write_visual_start(out, track);
  const BoxWriter config(out, four_cc("avcC"));
  out.bytes(track.decoder_config);
}

Result<void> read_avc1(ByteSpan payload, TrackConfig& into) {
  LT_ASSIGN(const ByteSpan rest, read_visual_start(payload, into));
  LT_ASSIGN(const auto boxes, parse_boxes(rest));
  LT_ASSIGN(const Box config, require_box(boxes, four_cc("avcC")));
  if (config.payload.size() < 7) return torn("avcC");
  into.decoder_config.assign(config.payload.begin(), config.payload.end());
  const auto byte = [&](std::size_t at) { return std::to_integer<unsigned>(config.payload[at]); };
  into.codec_string = fmt::format("avc1.{:02x}{:02x}{:02x}", byte(1), byte(2), byte(3));
  return {};
}

// --- AAC: MP4AudioSampleEntry with an elementary stream descriptor, 14496-14 §6.7.2, 14496-1
// §7.2.6.

enum DescriptorTag : std::uint8_t {
  kEsDescriptor = 3,
  kDecoderConfigDescriptor = 4,
  kDecoderSpecificInfo = 5,
  kSlConfigDescriptor = 6,
};
constexpr std::uint8_t kObjectTypeAac = 0x40;    // Audio ISO/IEC 14496-3
constexpr std::uint8_t kStreamTypeAudio = 0x15;  // audio stream, the reserved bit set

// §8.3.3: seven bits a byte, the top bit says that another byte follows.
void write_descriptor_start(ByteWriter& out, DescriptorTag tag, std::size_t size) {
  out.u8(tag);
  for (unsigned shift = 21; shift > 0; shift -= 7) {
    if (size >> shift != 0) out.u8(static_cast<std::uint8_t>(0x80U | (size >> shift & 0x7fU)));
  }
  out.u8(static_cast<std::uint8_t>(size & 0x7fU));
}
std::size_t descriptor_bytes(std::size_t size) {
  std::size_t length_bytes = 1;
  for (std::size_t rest = size >> 7U; rest != 0; rest >>= 7U) ++length_bytes;
  return 1 + length_bytes + size;
}

Result<ByteSpan> read_descriptor(Cursor& cursor, DescriptorTag expected) {
  const auto tag = cursor.u8();
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i) {
    const auto byte = cursor.u8();
    if (!byte) return torn("esds");
    size = size << 7U | (*byte & 0x7fU);
    if ((*byte & 0x80U) == 0) break;
  }
  const auto content = cursor.take(size);
  if (!content || tag != expected) return torn("esds");
  return *content;
}

void write_mp4a(ByteWriter& out, const TrackConfig& track) {
  constexpr std::size_t kDecoderConfigFields = 13;
  constexpr std::size_t kEsFields = 3;
  const std::size_t decoder_bytes =
      kDecoderConfigFields + descriptor_bytes(track.decoder_config.size());
  write_audio_start(out, track);
  const BoxWriter esds(out, four_cc("esds"), 0, 0);
  write_descriptor_start(out, kEsDescriptor,
                         kEsFields + descriptor_bytes(decoder_bytes) + descriptor_bytes(1));
  out.u16(0).u8(0);
  write_descriptor_start(out, kDecoderConfigDescriptor, decoder_bytes);
  out.u8(kObjectTypeAac).u8(kStreamTypeAudio).u24(0).u32(0).u32(0);
  write_descriptor_start(out, kDecoderSpecificInfo, track.decoder_config.size());
  out.bytes(track.decoder_config);
  write_descriptor_start(out, kSlConfigDescriptor, 1);
  out.u8(2);  // §7.3.2.3: as MP4 files have it
}

Result<void> read_mp4a(ByteSpan payload, TrackConfig& into) {
  LT_ASSIGN(const ByteSpan rest, read_audio_start(payload, into));
  LT_ASSIGN(const auto boxes, parse_boxes(rest));
  LT_ASSIGN(const Box esds, require_box(boxes, four_cc("esds")));
  Cursor cursor(esds.payload);
  if (!read_full_box_header(cursor)) return torn("esds");
  LT_ASSIGN(const ByteSpan stream, read_descriptor(cursor, kEsDescriptor));
  Cursor in_stream(stream);
  if (!in_stream.skip(3)) return torn("esds");
  LT_ASSIGN(const ByteSpan decoder, read_descriptor(in_stream, kDecoderConfigDescriptor));
  Cursor in_decoder(decoder);
  if (!in_decoder.skip(13)) return torn("esds");
  LT_ASSIGN(const ByteSpan config, read_descriptor(in_decoder, kDecoderSpecificInfo));
  const auto audio = codec::aac::parse_audio_config(config);
  if (!audio) return torn("AudioSpecificConfig");
  into.decoder_config.assign(config.begin(), config.end());
  into.codec_string = codec::aac::codec_string(*audio);
  if (into.sample_rate_hz == 0) into.sample_rate_hz = audio->sample_rate_hz;
  return {};
}

struct EntryFormat {
  Codec codec;
  FourCc type;
  TrackKind kind;
  std::size_t least_config_bytes;
  void (*write)(ByteWriter& out, const TrackConfig& track);
  Result<void> (*read)(ByteSpan payload, TrackConfig& into);
};
constexpr std::array kFormats = {
    EntryFormat{Codec::kH264, four_cc("avc1"), TrackKind::kVideo, 7, write_avc1, read_avc1},
    EntryFormat{Codec::kAac, four_cc("mp4a"), TrackKind::kAudio, 2, write_mp4a, read_mp4a},
};

}  // namespace

Result<void> write_sample_entry(ByteWriter& out, const TrackConfig& track) {
  const auto* const format = std::ranges::find(kFormats, track.codec, &EntryFormat::codec);
  if (format == kFormats.end() || format->kind != track.kind) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("track {}: this codec has no sample entry for its kind of track", track.track));
  }
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint16_t>::max();
  if (track.width > kMost || track.height > kMost || track.channels > kMost) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("track {}: {}x{} pixels, {} channels; at most {} of each fit",
                            track.track, track.width, track.height, track.channels, kMost));
  }
  if (track.decoder_config.size() < format->least_config_bytes ||
      track.decoder_config.size() > 2 * limits::kParameterSetBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("track {}: a decoder configuration of {} bytes", track.track,
                            track.decoder_config.size()));
  }
  const BoxWriter entry(out, format->type);
  format->write(out, track);
  return {};
}

Result<void> read_sample_entry(const Box& entry, TrackConfig& into) {
  const auto* const format = std::ranges::find(kFormats, entry.type, &EntryFormat::type);
  if (format == kFormats.end()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("sample entry '{}' is not known to this version", to_text(entry.type)));
  }
  into.codec = format->codec;
  into.kind = format->kind;
  return format->read(entry.payload, into);
}

}  // namespace longtake::isobmff
