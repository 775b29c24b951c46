#include "codec/aac_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/bit_reader.h"

namespace longtake::codec::aac {

namespace {

constexpr std::uint32_t kSbr = 5;
constexpr std::uint32_t kPs = 29;
constexpr std::uint32_t kEscapedRate = 15;

// ISO/IEC 14496-3 Table 1.18 and Table 1.19.
constexpr std::array<std::uint32_t, 13> kRates = {96'000, 88'200, 64'000, 48'000, 44'100,
                                                  32'000, 24'000, 22'050, 16'000, 12'000,
                                                  11'025, 8'000,  7'350};
constexpr std::array<std::uint32_t, 8> kChannels = {0, 1, 2, 3, 4, 5, 6, 8};

std::uint32_t read_object_type(BitReader& reader) {
  const std::uint32_t type = reader.bits(5);
  return type == 31 ? 32 + reader.bits(6) : type;
}

/// 0 for a reserved index.
std::uint32_t read_sample_rate(BitReader& reader) {
  const std::uint32_t index = reader.bits(4);
  if (index == kEscapedRate) return reader.bits(24);
  return index < kRates.size() ? kRates[index] : 0;
}

/// Object types whose GASpecificConfig begins with frameLengthFlag.
bool is_general_audio(std::uint32_t type) {
  return (type >= 1 && type <= 4) || type == 6 || type == 7 || type == 17 ||
         (type >= 19 && type <= 23);
}

}  // namespace

Result<AudioConfig> parse_audio_config(ByteSpan bytes) {
  const auto refuse = [](const char* what) {
    return fail(ErrorCode::kInvalidArgument, std::string("AudioSpecificConfig: ") + what);
  };
  BitReader reader(bytes);
  AudioConfig config;
  config.signalled_object_type = read_object_type(reader);
  config.object_type = config.signalled_object_type;
  config.core_sample_rate_hz = read_sample_rate(reader);
  config.sample_rate_hz = config.core_sample_rate_hz;
  const std::uint32_t channel_configuration = reader.bits(4);
  if (config.object_type == kSbr || config.object_type == kPs) {
    config.sample_rate_hz = read_sample_rate(reader);
    config.object_type = read_object_type(reader);
  }
  if (is_general_audio(config.object_type) && reader.flag()) config.frame_samples = 960;
  if (reader.has_failed()) return refuse("cut off");
  if (config.core_sample_rate_hz == 0 || config.sample_rate_hz == 0)
    return refuse("reserved sample rate");
  if (config.core_sample_rate_hz > kRates.front() || config.sample_rate_hz > 2 * kRates.front()) {
    return refuse("sample rate above 96 kHz");
  }
  if (!is_general_audio(config.object_type)) {
    return refuse(config.object_type == 0 ? "no object type" : "not AAC");
  }
  if (channel_configuration >= kChannels.size()) return refuse("reserved channel configuration");
  config.channels = kChannels[channel_configuration];
  return config;
}

Result<Bytes> make_lc_config(std::uint32_t sample_rate_hz, std::uint32_t channels) {
  const auto rate = std::ranges::find(kRates, sample_rate_hz);
  const auto layout = std::ranges::find(kChannels, channels);
  if (rate == kRates.end() || layout == kChannels.end() || channels == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("no AAC config for {} Hz, {} channels", sample_rate_hz, channels));
  }
  const auto rate_index = static_cast<unsigned>(rate - kRates.begin());
  const auto layout_index = static_cast<unsigned>(layout - kChannels.begin());
  const unsigned bits = 2U << 11U | rate_index << 7U | layout_index << 3U;
  return Bytes{static_cast<std::byte>(bits >> 8U), static_cast<std::byte>(bits & 0xffU)};
}

std::string codec_string(const AudioConfig& config) {
  return fmt::format("mp4a.40.{}", config.signalled_object_type);
}

media::TrackConfigPtr track_config(media::TrackId track, std::uint32_t timescale_hz,
                                   const AudioConfig& config, Bytes raw) {
  auto out = std::make_shared<media::TrackConfig>();
  out->track = track;
  out->kind = media::TrackKind::kAudio;
  out->codec = media::Codec::kAac;
  out->timescale_hz = timescale_hz;
  out->decoder_config = std::move(raw);
  out->codec_string = codec_string(config);
  out->sample_rate_hz = config.sample_rate_hz;
  out->channels = config.channels;
  return out;
}

}  // namespace longtake::codec::aac
