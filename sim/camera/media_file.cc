#include "sim/camera/media_file.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

namespace longtake::camsim {
namespace {

constexpr std::uintmax_t kMaxFileBytes = 256U << 20U;

Result<Bytes> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path, error.message()));
  if (size > kMaxFileBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes; at most {} are played", path, size, kMaxFileBytes));
  }
  Bytes bytes(size);
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in) return fail(ErrorCode::kUnavailable, fmt::format("{}: cannot be read", path));
  return bytes;
}

// H.264 §7.4.1.2.4: the first slice of a picture has first_mb_in_slice 0, which ue(v) writes as a
// leading 1 bit.
bool is_first_slice(ByteSpan nal) {
  return is_slice(nal) && nal.size() > 1 && (std::to_integer<unsigned>(nal[1]) & 0x80U) != 0;
}

std::vector<Picture> group_pictures(const std::vector<ByteSpan>& nal_units) {
  std::vector<Picture> pictures;
  bool has_slice = true;  // so that the first unit opens a picture
  for (const ByteSpan nal : nal_units) {
    const auto type = nal_type_of(nal);
    const bool may_open = is_first_slice(nal) || (type >= 6 && type <= 9);
    if (pictures.empty() || (has_slice && may_open)) {
      pictures.emplace_back();
      has_slice = false;
    }
    Picture& picture = pictures.back();
    picture.nal_units.push_back(nal);
    picture.is_key = picture.is_key || is(nal, NalType::kIdr);
    has_slice = has_slice || is_slice(nal);
  }
  return pictures;
}

Result<void> read_positions(const std::string& path, std::vector<Picture>& pictures) {
  std::ifstream in(path);
  std::int64_t position = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (!(in >> position)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} positions for {} pictures", path, i, pictures.size()));
    }
    pictures[i].reorder = static_cast<std::int32_t>(position - static_cast<std::int64_t>(i));
  }
  return {};
}

constexpr std::array<std::uint32_t, 13> kAdtsRates = {
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};

struct AdtsHeader {
  std::uint32_t object_type = 0;
  std::uint32_t rate_index = 0;
  std::uint32_t channels = 0;
  std::size_t header_bytes = 0;
  std::size_t frame_bytes = 0;
};

std::optional<AdtsHeader> read_adts_header(ByteSpan bytes) {
  if (bytes.size() < 7) return std::nullopt;
  const auto at = [bytes](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  if (at(0) != 0xFF || (at(1) & 0xF6U) != 0xF0) return std::nullopt;
  AdtsHeader header;
  header.object_type = (at(2) >> 6U) + 1;
  header.rate_index = (at(2) >> 2U) & 0xFU;
  header.channels = (at(2) & 1U) << 2U | at(3) >> 6U;
  header.header_bytes = (at(1) & 1U) != 0 ? 7 : 9;
  header.frame_bytes = (at(3) & 3U) << 11U | at(4) << 3U | at(5) >> 5U;
  if (header.rate_index >= kAdtsRates.size() || header.frame_bytes <= header.header_bytes)
    return std::nullopt;
  return header;
}

Result<AudioTrack> read_adts(const std::string& path) {
  LT_ASSIGN(const Bytes file, read_file(path));
  AudioTrack track;
  ByteSpan rest = file;
  while (!rest.empty()) {
    const auto header = read_adts_header(rest);
    if (!header || header->frame_bytes > rest.size()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: no whole ADTS frame at byte {}",
                                                           path, file.size() - rest.size()));
    }
    if (track.frames.empty()) {
      track.rate_hz = kAdtsRates[header->rate_index];
      track.channels = header->channels;
      ByteWriter(track.config)
          .u16(static_cast<std::uint16_t>(header->object_type << 11U | header->rate_index << 7U |
                                          header->channels << 3U));
    }
    const ByteSpan payload =
        rest.subspan(header->header_bytes, header->frame_bytes - header->header_bytes);
    track.frames.emplace_back(payload.begin(), payload.end());
    rest = rest.subspan(header->frame_bytes);
  }
  if (track.frames.empty()) return fail(ErrorCode::kInvalidArgument, path + ": holds no audio");
  return track;
}

void remember_parameter_sets(MediaFile& media) {
  for (const Picture& picture : media.pictures) {
    for (const ByteSpan nal : picture.nal_units) {
      if (media.sps.empty() && is(nal, NalType::kSps)) media.sps = nal;
      if (media.pps.empty() && is(nal, NalType::kPps)) media.pps = nal;
    }
  }
}

// The pictures of the `index`-th GOP, counted round and round.
std::vector<Picture> gop_of(const MediaFile& media, std::size_t index) {
  std::vector<std::vector<Picture>> gops;
  for (const Picture& picture : media.pictures) {
    if (picture.is_key) gops.emplace_back();
    gops.back().push_back(picture);
  }
  return gops[index % gops.size()];
}

std::size_t count_gops(const MediaFile& media) {
  std::size_t count = 0;
  for (const Picture& picture : media.pictures) count += picture.is_key ? 1 : 0;
  return count;
}

}  // namespace

std::vector<ByteSpan> split_annex_b(ByteSpan stream) {
  std::vector<ByteSpan> nal_units;
  std::optional<std::size_t> open;  // where the unit being read begins
  const auto close = [&](std::size_t end) {
    if (!open) return;
    while (end > *open && stream[end - 1] == std::byte{0}) --end;  // trailing_zero_8bits
    if (end > *open) nal_units.push_back(stream.subspan(*open, end - *open));
  };
  for (std::size_t i = 0; i + 3 <= stream.size();) {
    if (stream[i] == std::byte{0} && stream[i + 1] == std::byte{0} &&
        stream[i + 2] == std::byte{1}) {
      close(i);
      open = i + 3;
      i += 3;
    } else {
      ++i;
    }
  }
  close(stream.size());
  return nal_units;
}

Result<MediaFilePtr> MediaFile::load(const std::string& video_path, const std::string& audio_path) {
  auto media = std::make_shared<MediaFile>();
  media->name = std::filesystem::path(video_path).filename().string();
  LT_ASSIGN(media->bytes_, read_file(video_path));
  media->pictures = group_pictures(split_annex_b(media->bytes_));
  if (media->pictures.empty() || !media->pictures.front().is_key) {
    return fail(ErrorCode::kInvalidArgument,
                video_path + ": not an Annex B H.264 file that begins with a key picture");
  }
  remember_parameter_sets(*media);
  if (media->sps.empty() || media->pps.empty()) {
    return fail(ErrorCode::kInvalidArgument, video_path + ": holds no parameter sets");
  }
  const auto positions = std::filesystem::path(video_path).replace_extension(".pts");
  if (std::filesystem::exists(positions))
    LT_TRY(read_positions(positions.string(), media->pictures));
  if (!audio_path.empty()) {
    LT_ASSIGN(media->audio, read_adts(audio_path));
  }
  return MediaFilePtr(std::move(media));
}

MediaFilePtr MediaFile::alternate(MediaFilePtr first, MediaFilePtr second) {
  auto media = std::make_shared<MediaFile>();
  media->name = first->name + "/" + second->name;
  media->audio = first->audio;
  const std::size_t rounds = std::max(count_gops(*first), count_gops(*second));
  for (std::size_t i = 0; i < rounds; ++i) {
    for (const MediaFile* part : {first.get(), second.get()}) {
      for (Picture& picture : gop_of(*part, i)) media->pictures.push_back(std::move(picture));
    }
  }
  media->parts_ = {std::move(first), std::move(second)};
  remember_parameter_sets(*media);
  return media;
}

}  // namespace longtake::camsim
