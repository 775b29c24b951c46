#include "rtsp/aac_depacketizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/bit_reader.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

constexpr std::uint32_t kMaxFieldBits = 16;
constexpr std::size_t kMaxConfigDigits = 128;

std::optional<Bytes> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0 || digits.size() > kMaxConfigDigits) return std::nullopt;
  Bytes out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    for (const char c : digits.substr(i, 2)) {
      const char low = static_cast<char>(c | 0x20);
      const bool is_digit = c >= '0' && c <= '9';
      if (!is_digit && (low < 'a' || low > 'f')) return std::nullopt;
      value = value * 16 + static_cast<unsigned>(is_digit ? c - '0' : low - 'a' + 10);
    }
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

Result<int> field_bits(const MediaDescription& media, std::string_view name) {
  const auto text = media.format_parameter(name);
  if (!text) return 0;
  const auto bits = parse_number(*text);
  if (!bits || *bits > kMaxFieldBits) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} \"{}\" is not 0 to 16", name, printable(*text)));
  }
  return static_cast<int>(*bits);
}

}  // namespace

Result<AacDepacketizer::Format> AacDepacketizer::read_format(const MediaDescription& media) {
  Format format;
  format.clock_rate_hz = media.clock_rate_hz;
  if (format.clock_rate_hz == 0)
    return fail(ErrorCode::kInvalidArgument, "no clock rate in rtpmap");
  const auto mode = media.format_parameter("mode");
  LT_ASSIGN(format.size_bits, field_bits(media, "sizelength"));
  LT_ASSIGN(format.index_bits, field_bits(media, "indexlength"));
  LT_ASSIGN(format.index_delta_bits, field_bits(media, "indexdeltalength"));
  if (format.size_bits == 0) {
    // RFC 3640 §3.3.5 and §3.3.6 fix the figures; some cameras give the mode alone.
    const bool is_low = mode && equals_ignoring_case(*mode, "AAC-lbr");
    format.size_bits = is_low ? 6 : 13;
    format.index_bits = format.index_delta_bits = is_low ? 2 : 3;
  }
  const auto config = media.format_parameter("config");
  if (config && !config->empty()) {
    auto bytes = from_hex(*config);
    if (!bytes) return fail(ErrorCode::kInvalidArgument, "config is not hexadecimal");
    format.config = std::move(*bytes);
  } else {
    LT_ASSIGN(format.config,
              codec::aac::make_lc_config(media.clock_rate_hz, std::max(media.channels, 1U)));
  }
  LT_ASSIGN(format.audio, codec::aac::parse_audio_config(format.config));
  return format;
}

AacDepacketizer::AacDepacketizer(media::TrackId track, Format format, media::ItemSink& sink)
    : track_(track),
      format_(std::move(format)),
      sink_(sink),
      config_(
          codec::aac::track_config(track, format_.clock_rate_hz, format_.audio, format_.config)),
      dts_(format_.clock_rate_hz),
      unit_ticks_(std::int64_t{format_.audio.frame_samples} * format_.clock_rate_hz /
                  format_.audio.core_sample_rate_hz) {
  dts_.forbid_reordering();
}

void AacDepacketizer::announce() { sink_.on_item(config_); }

void AacDepacketizer::on_new_source() {
  fragment_total_ = 0;
  fragment_.clear();
  next_is_damaged_ = false;
  dts_.reset();
}

void AacDepacketizer::refuse() {
  ++malformed_;
  next_is_damaged_ = true;
  fragment_total_ = 0;
  fragment_.clear();
}

void AacDepacketizer::push(const RtpPacket& packet, const Arrival& arrival) {
  if (arrival.is_after_loss) {
    next_is_damaged_ = true;
    fragment_total_ = 0;
    fragment_.clear();
  }
  if (packet.payload.empty()) return;
  Cursor cursor(packet.payload);
  const auto headers_bits = cursor.u16();
  const auto headers =
      headers_bits ? cursor.take((std::size_t{*headers_bits} + 7) / 8) : std::nullopt;
  if (!headers) return refuse();
  codec::BitReader reader(*headers);
  std::int64_t timestamp = arrival.timestamp;
  std::size_t left_bits = *headers_bits;
  for (bool is_first = true; left_bits > 0; is_first = false) {
    const int index_bits = is_first ? format_.index_bits : format_.index_delta_bits;
    const auto header_bits = static_cast<std::size_t>(format_.size_bits + index_bits);
    if (left_bits < header_bits) return refuse();
    const std::size_t size = reader.bits(format_.size_bits);
    reader.skip(index_bits);
    left_bits -= header_bits;
    if (size > cursor.remaining() && is_first && left_bits < header_bits) {
      return take_fragment(size, cursor.rest(), packet, arrival);
    }
    const auto data = cursor.take(size);
    if (!data || data->empty() || fragment_total_ != 0) return refuse();
    deliver(Bytes(data->begin(), data->end()), timestamp, arrival.received);
    timestamp += unit_ticks_;
  }
}

/// Each packet of a fragmented unit repeats the header with the whole unit's size (§3.2.3.1).
void AacDepacketizer::take_fragment(std::size_t unit_bytes, ByteSpan data, const RtpPacket& packet,
                                    const Arrival& arrival) {
  const bool is_continued = fragment_total_ != 0 && fragment_total_ == unit_bytes &&
                            fragment_timestamp_ == arrival.timestamp;
  if (fragment_total_ != 0 && !is_continued) refuse();
  if (!is_continued) {
    fragment_.reserve(unit_bytes);
    fragment_total_ = unit_bytes;
    fragment_timestamp_ = arrival.timestamp;
  }
  if (fragment_.size() + data.size() > fragment_total_) return refuse();
  fragment_.insert(fragment_.end(), data.begin(), data.end());
  if (fragment_.size() == fragment_total_) {
    fragment_total_ = 0;
    deliver(std::exchange(fragment_, {}), arrival.timestamp, arrival.received);
  } else if (packet.has_marker) {
    refuse();  // the marker promises the end, yet bytes are missing
  }
}

void AacDepacketizer::deliver(Bytes payload, std::int64_t timestamp, MonotonicTime received) {
  const auto times = dts_.next(timestamp);
  auto unit = std::make_shared<media::AccessUnit>();
  unit->track = track_;
  unit->dts = media::MediaTime(times.dts, format_.clock_rate_hz);
  unit->pts = media::MediaTime(times.pts, format_.clock_rate_hz);
  unit->received = received;
  unit->is_sync = true;
  unit->is_damaged = std::exchange(next_is_damaged_, false);
  unit->payload = std::move(payload);
  ++units_;
  sink_.on_item(media::AccessUnitPtr(std::move(unit)));
}

}  // namespace longtake::rtsp
