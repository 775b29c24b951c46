#include "rtsp/h264_depacketizer.h"

#include <utility>

#include "base/digest.h"
#include "base/limits.h"
#include "codec/h264_nal.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

namespace h264 = codec::h264;

constexpr std::uint8_t kLastNalType = 23;  // RFC 6184 Table 1; packet types follow
constexpr std::uint8_t kStapA = 24;
constexpr std::uint8_t kFuA = 28;
constexpr std::byte kFuStart{0x80};
constexpr std::byte kFuEnd{0x40};
constexpr std::size_t kLengthBytes = 4;

}  // namespace

H264Depacketizer::H264Depacketizer(media::TrackId track, std::uint32_t clock_rate_hz,
                                   media::ItemSink& sink)
    : track_(track), clock_rate_hz_(clock_rate_hz), sink_(sink), dts_(clock_rate_hz) {}

void H264Depacketizer::take_sprop_parameter_sets(std::string_view sprop) {
  while (!sprop.empty()) {
    const auto nal = base::from_base64(trimmed(take_until(sprop, ',')));
    if (!nal || nal->empty()) continue;
    const std::uint8_t type = h264::nal_type(nal->front());
    if (type == h264::kSps) sets_.add_sps(*nal);
    if (type == h264::kPps) sets_.add_pps(*nal);
  }
  sets_changed_ = true;
}

void H264Depacketizer::announce() { update_config(); }

void H264Depacketizer::on_new_source() {
  unit_ = Unit();
  fragment_open_ = false;
  next_is_damaged_ = false;
  marked_timestamp_ = -1;
  dts_.reset();
}

void H264Depacketizer::push(const RtpPacket& packet, const Arrival& arrival) {
  if (arrival.is_after_loss) {
    // The missing packets may be the end of the open unit, the beginning of the next, or both.
    damage(false);
    next_is_damaged_ = true;
  }
  if (!unit_.is_started || unit_.timestamp != arrival.timestamp) {
    finish_unit();
    begin_unit(arrival.timestamp);
  }
  received_ = arrival.received;
  if (packet.payload.empty()) return;  // some cameras send these to keep the connection alive
  const std::uint8_t type = h264::nal_type(packet.payload[0]);
  if (type == kFuA) {
    take_fragment(packet.payload);
  } else {
    if (fragment_open_) damage(true);
    if (type == kStapA) {
      take_stap(packet.payload.subspan(1));
    } else {
      take_nal(packet.payload);
    }
  }
  if (packet.has_marker && unit_.has_picture && !ignores_marker_) {
    marked_timestamp_ = arrival.timestamp;
    finish_unit();
  }
}

void H264Depacketizer::take_stap(ByteSpan payload) {
  Cursor cursor(payload);
  while (!cursor.is_at_end()) {
    const auto size = cursor.u16();
    const auto nal = size ? cursor.take(*size) : std::nullopt;
    if (!nal || nal->empty()) {
      damage(true);
      return;
    }
    take_nal(*nal);
  }
}

void H264Depacketizer::take_fragment(ByteSpan payload) {
  if (payload.size() < 3) {
    damage(true);
    return;
  }
  const std::byte indicator = payload[0];
  const std::byte header = payload[1];
  const bool is_start = (header & kFuStart) != std::byte{0};
  const bool is_end = (header & kFuEnd) != std::byte{0};
  const ByteSpan body = payload.subspan(2);
  if (is_start) {
    if (fragment_open_) damage(true);
    const std::byte nal_header = (indicator & std::byte{0xe0}) | (header & std::byte{0x1f});
    if (!begin_nal(nal_header, body[0])) return;
    fragment_open_ = true;
    append({&nal_header, 1});
  } else if (!fragment_open_) {
    damage(true);
    return;
  }
  append(body);
  if (is_end) {
    fragment_open_ = false;
    end_nal();
  }
}

void H264Depacketizer::take_nal(ByteSpan nal) {
  const std::uint8_t type = h264::nal_type(nal[0]);
  if (type == 0 || type > kLastNalType) {  // STAP-B, MTAP and FU-B belong to interleaved mode
    damage(true);
    return;
  }
  if (!begin_nal(nal[0], nal.size() > 1 ? nal[1] : std::byte{0})) return;
  append(nal);
  end_nal();
}

/// Whether the NAL unit is kept. Ends the unit being built where this one begins another.
bool H264Depacketizer::begin_nal(std::byte header, std::byte first_of_body) {
  const std::uint8_t type = h264::nal_type(header);
  const bool has_slice_header =
      type == h264::kSlice || type == h264::kIdrSlice || type == h264::kPartitionA;
  const bool begins_picture = has_slice_header && (first_of_body & std::byte{0x80}) != std::byte{0};
  split_before(type, begins_picture);
  if (type == h264::kAccessUnitDelimiter) return false;
  // A marker bit ended this picture's unit, yet here is more of it: from now on only times end
  // units.
  if (has_slice_header && !begins_picture && !unit_.has_picture &&
      unit_.timestamp == marked_timestamp_) {
    ignores_marker_ = true;
  }
  const bool is_key = type == h264::kIdrSlice || type == h264::kSps;
  if (unit_.payload.empty() || (is_key && !unit_.has_idr)) reserve_for(is_key);
  if (h264::is_vcl(type)) unit_.has_picture = true;
  if (++unit_.nal_count > limits::kNalUnitsPerAccessUnit) unit_.is_dropped = true;
  unit_.nal_start = unit_.payload.size();
  constexpr std::array<std::byte, kLengthBytes> kLengthToCome{};
  append(kLengthToCome);
  return true;
}

/// ITU-T H.264 §7.4.1.2.3, for cameras that neither set the marker bit nor change the timestamp.
void H264Depacketizer::split_before(std::uint8_t type, bool begins_picture) {
  if (!unit_.has_picture) return;
  const bool is_frame =
      sets_.active() && sets_.active()->frame_mbs_only;  // two fields share one unit
  const bool is_new = type == h264::kAccessUnitDelimiter || type == h264::kSps ||
                      type == h264::kPps || (begins_picture && is_frame);
  if (!is_new) return;
  const std::int64_t timestamp = unit_.timestamp;
  finish_unit();
  begin_unit(timestamp);
}

void H264Depacketizer::append(ByteSpan bytes) {
  if (unit_.payload.size() + bytes.size() > limits::kAccessUnitBytes) unit_.is_dropped = true;
  if (unit_.is_dropped) {
    unit_.payload = Bytes();
    return;
  }
  unit_.payload.insert(unit_.payload.end(), bytes.begin(), bytes.end());
}

void H264Depacketizer::end_nal() {
  if (unit_.is_dropped) return;
  const std::size_t size = unit_.payload.size() - unit_.nal_start - kLengthBytes;
  ByteWriter(unit_.payload).patch_u32(unit_.nal_start, static_cast<std::uint32_t>(size));
  const ByteSpan nal = ByteSpan(unit_.payload).subspan(unit_.nal_start + kLengthBytes);
  const auto note = [this](h264::ParameterSets::Change change) {
    if (change == h264::ParameterSets::Change::kChanged) sets_changed_ = true;
    if (change == h264::ParameterSets::Change::kRefused) ++malformed_;
  };
  const std::uint8_t type = h264::nal_type(nal[0]);
  if (h264::is_vcl(type)) ++unit_.whole_slices;
  switch (type) {
    case h264::kIdrSlice:
      unit_.has_idr = true;
      break;
    case h264::kSps:
      note(sets_.add_sps(nal));
      break;
    case h264::kPps:
      note(sets_.add_pps(nal));
      break;
    case h264::kSei:
      unit_.has_recovery_point |= h264::recovery_point(nal).has_value();
      break;
    default:
      break;
  }
}

void H264Depacketizer::drop_open_fragment() {
  if (!std::exchange(fragment_open_, false)) return;
  if (!unit_.is_dropped) unit_.payload.resize(unit_.nal_start);
}

/// Something of the unit being built is missing or cannot be read.
void H264Depacketizer::damage(bool counts_as_malformed) {
  drop_open_fragment();
  unit_.is_damaged = true;
  if (counts_as_malformed) ++malformed_;
}

void H264Depacketizer::begin_unit(std::int64_t timestamp) {
  unit_.timestamp = timestamp;
  unit_.is_started = true;
  unit_.is_damaged |= std::exchange(next_is_damaged_, false);
}

void H264Depacketizer::reserve_for(bool is_key) {
  const std::size_t usual = usual_bytes_[is_key ? 1 : 0];
  if (!unit_.is_dropped) unit_.payload.reserve(usual + usual / 8);
}

/// Delivers the unit being built, if it has a picture; without one its NAL units wait for the next.
void H264Depacketizer::finish_unit() {
  if (fragment_open_) damage(true);
  if (unit_.is_dropped) {
    sink_.on_item(media::Damage{track_, media::Reason::kOversize, 1, received_});
    waiting_for_ = WaitingFor::kSyncAfterOversize;
    unit_ = Unit();
    return;
  }
  if (!unit_.has_picture) return;
  if (unit_.whole_slices == 0) {  // all of the picture was cut off
    unit_ = Unit();
    next_is_damaged_ = true;
    return;
  }
  const bool is_sync = (unit_.has_idr || unit_.has_recovery_point) && sets_.is_complete();
  if (waiting_for_ == WaitingFor::kNothing || is_sync) {
    deliver(is_sync);
  } else {
    drop_waiting_unit();
  }
  unit_ = Unit();
}

void H264Depacketizer::drop_waiting_unit() {
  if (waiting_for_ == WaitingFor::kSyncAfterOversize) {
    ++dropped_after_oversize_;
  } else if (!std::exchange(said_waiting_, true)) {
    sink_.on_item(media::Waiting{media::Reason::kNoKeyframe, received_});
  }
}

void H264Depacketizer::deliver(bool is_sync) {
  waiting_for_ = WaitingFor::kNothing;
  if (dropped_after_oversize_ > 0) {
    sink_.on_item(media::Damage{track_, media::Reason::kOversize,
                                std::exchange(dropped_after_oversize_, 0), received_});
  }
  update_config();
  usual_bytes_[is_sync ? 1 : 0] = unit_.payload.size();
  const auto times = dts_.next(unit_.timestamp);
  auto unit = std::make_shared<media::AccessUnit>();
  unit->track = track_;
  unit->dts = media::MediaTime(times.dts, clock_rate_hz_);
  unit->pts = media::MediaTime(times.pts, clock_rate_hz_);
  unit->received = received_;
  unit->is_sync = is_sync;
  unit->is_damaged = unit_.is_damaged;
  unit->payload = std::move(unit_.payload);
  ++units_;
  sink_.on_item(media::AccessUnitPtr(std::move(unit)));
}

void H264Depacketizer::update_config() {
  if (!sets_changed_ || !sets_.is_complete()) return;
  sets_changed_ = false;
  auto config = sets_.track_config(track_, clock_rate_hz_);
  if (config_ && *config_ == *config) return;
  config_ = std::move(config);
  if (sets_.active()->forbids_reordering()) {
    dts_.forbid_reordering();
  } else {
    dts_.expect_reordering(config_->reorder_depth);
  }
  sink_.on_item(config_);
}

}  // namespace longtake::rtsp
