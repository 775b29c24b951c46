#include "rtsp/track_receiver.h"

#include <algorithm>
#include <utility>

namespace longtake::rtsp {

TrackReceiver::TrackReceiver(media::TrackId track, media::TrackKind kind, std::uint8_t payload_type,
                             std::uint32_t clock_rate_hz, Depacketizer depacketizer,
                             media::ItemSink& sink)
    : track_(track),
      kind_(kind),
      payload_type_(payload_type),
      clock_rate_hz_(clock_rate_hz),
      depacketizer_(std::move(depacketizer)),
      sink_(sink) {}

void TrackReceiver::announce() {
  std::visit([](auto& depacketizer) { depacketizer.announce(); }, depacketizer_);
}

media::TrackConfigPtr TrackReceiver::config() const {
  return std::visit([](const auto& depacketizer) { return depacketizer.config(); }, depacketizer_);
}

std::uint64_t TrackReceiver::units() const {
  return std::visit([](const auto& depacketizer) { return depacketizer.units(); }, depacketizer_);
}

std::uint64_t TrackReceiver::malformed() const {
  return malformed_ + std::visit([](const auto& depacketizer) { return depacketizer.malformed(); },
                                 depacketizer_);
}

void TrackReceiver::on_rtp(ByteSpan bytes, MonotonicTime now) {
  const auto packet = parse_rtp(bytes);
  if (!packet) {
    ++malformed_;
    return;
  }
  if (packet->payload_type == payload_type_) {
    has_seen_payload_type_ = true;
  } else if (has_seen_payload_type_) {
    ++malformed_;  // error correction or another stream on the same channel
    return;
  }  // else: some cameras announce one payload type and send another from the first packet on
  const auto judged = source_.judge(*packet, bytes);
  if (judged.verdict == RtpSource::Verdict::kDrop) return;
  watchdog_.on_packet(now);
  goodbye_at_.reset();
  const std::uint64_t units_before = units();
  if (judged.verdict == RtpSource::Verdict::kNewSource) {
    switch_source(now);
    take_media(*packet, source_.judge(*packet, bytes), now);
  } else {
    take_media(*packet, judged, now);
  }
  if (units() != units_before) watchdog_.on_unit(now);
}

/// The packets held back come first; they prove themselves by coming from the source now believed.
void TrackReceiver::switch_source(MonotonicTime now) {
  sink_.on_item(media::SourceChanged{track_, now});
  timestamps_.reset();
  std::visit([](auto& depacketizer) { depacketizer.on_new_source(); }, depacketizer_);
  for (const Bytes& held : source_.take_held()) {
    const auto packet = parse_rtp(held);
    if (packet) take_media(*packet, source_.judge(*packet, held), now);
  }
}

void TrackReceiver::take_media(const RtpPacket& packet, const RtpSource::Judged& judged,
                               MonotonicTime now) {
  if (judged.verdict != RtpSource::Verdict::kMedia) return;
  const bool is_after_loss = judged.lost > 0 || judged.has_restarted;
  if (is_after_loss) {
    const std::uint64_t count = std::max<std::uint64_t>(judged.lost, 1);
    const auto reason =
        kind_ == media::TrackKind::kAudio ? media::Reason::kAudioLost : media::Reason::kPacketLoss;
    sink_.on_item(media::Damage{track_, reason, count, now});
  }
  const Arrival arrival{.timestamp = timestamps_.unwrap(packet.timestamp),
                        .received = now,
                        .is_after_loss = is_after_loss};
  // One comparison instead of std::visit's table: this runs for every packet.
  if (auto* video = std::get_if<H264Depacketizer>(&depacketizer_)) {
    video->push(packet, arrival);
  } else {
    std::get<AacDepacketizer>(depacketizer_).push(packet, arrival);
  }
}

void TrackReceiver::on_rtcp(ByteSpan bytes, MonotonicTime now) {
  const auto report = parse_rtcp(bytes);
  if (!report) {
    ++malformed_;
    return;
  }
  if (report->sender && report->sender->ssrc == source_.ssrc()) {
    last_report_ntp_middle_ = static_cast<std::uint32_t>(report->sender->ntp >> 16U);
    last_report_at_ = now;
    const auto rtp_time = timestamps_.peek(report->sender->rtp_time);
    const auto wall = wall_time_of_ntp(report->sender->ntp);
    if (rtp_time && wall) {
      sink_.on_item(
          media::SenderReport{track_, media::MediaTime(*rtp_time, clock_rate_hz_), *wall, now});
    }
  }
  if (source_.ssrc() &&
      std::ranges::find(report->goodbyes, *source_.ssrc()) != report->goodbyes.end()) {
    goodbye_at_ = now;
  }
}

std::optional<Bytes> TrackReceiver::receiver_report(std::uint32_t our_ssrc,
                                                    MonotonicTime now) const {
  if (!source_.ssrc()) return std::nullopt;
  ReceiverReport report;
  report.our_ssrc = our_ssrc;
  report.source_ssrc = *source_.ssrc();
  report.lost = static_cast<std::uint32_t>(std::min<std::uint64_t>(source_.lost(), 0x7f'ffff));
  report.extended_sequence = source_.extended_sequence();
  report.last_sender_ntp_middle = last_report_ntp_middle_;
  if (last_report_ntp_middle_ != 0) {
    const auto since_us = std::chrono::duration_cast<microseconds>(now - last_report_at_).count();
    report.delay_since_65536th = static_cast<std::uint32_t>(since_us * 65'536 / 1'000'000);
  }
  return write_receiver_report(report);
}

}  // namespace longtake::rtsp
