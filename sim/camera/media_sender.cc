#include "sim/camera/media_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/crc32c.h"
#include "sim/camera/picture_mark.h"
#include "sim/camera/sdp_writer.h"

namespace longtake::camsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kCameraBufferSeconds = 15;
constexpr seconds kReportInterval{5};
constexpr seconds kLateReport{30};
constexpr std::uint64_t kNtpEpochOffset = 2'208'988'800;  // 1900 to 1970, RFC 5905 §6

std::uint32_t crc_of_nal(ByteSpan nal, std::uint32_t seed) {
  Bytes length;
  ByteWriter(length).u32(static_cast<std::uint32_t>(nal.size()));
  return base::crc32c(nal, base::crc32c(length, seed));
}

// The sample a recorder should keep: the mark before the first slice, delimiters dropped.
void describe_sample(std::span<const ByteSpan> nal_units, ByteSpan mark, SentPicture& sent) {
  bool has_mark = false;
  const auto add = [&sent](ByteSpan nal) {
    sent.sample_crc = crc_of_nal(nal, sent.sample_crc);
    sent.sample_bytes += 4 + nal.size();
  };
  for (const ByteSpan nal : nal_units) {
    if (is(nal, NalType::kAud)) continue;
    if (!has_mark && is_slice(nal)) {
      add(mark);
      has_mark = true;
    }
    add(nal);
  }
}

}  // namespace

MediaSender::MediaSender(Camera& camera, std::uint64_t client, std::uint64_t seed)
    : camera_(camera),
      client_(client),
      random_(static_cast<std::uint32_t>(seed ^ client * 2654435761U) | 1U) {
  audio_.is_video = false;
  const auto first = camera_.settings.first_sequence;
  video_.sequence = first ? *first : static_cast<std::uint16_t>(random_());
  audio_.sequence = first ? *first : static_cast<std::uint16_t>(random_());
}

void MediaSender::set_up(bool is_video, std::uint8_t channel) {
  Track& track = is_video ? video_ : audio_;
  track.is_set_up = true;
  track.channel = channel;
  track.ssrc = camera_.ssrc(is_video);
}

void MediaSender::play(SimTime now) {
  const std::uint64_t next = camera_.pictures_until(now);
  switch (camera_.settings.start) {
    case StartPolicy::kKey:
      next_picture_ = camera_.next_key_from(next);
      break;
    case StartPolicy::kGop:
      next_picture_ = camera_.last_key_until(next);
      break;
    case StartPolicy::kMid:
      next_picture_ = next;
      break;
  }
  next_audio_ = camera_.audio_at_picture(next_picture_);
  is_playing_ = true;
  const seconds first_report = camera_.settings.rtcp == RtcpMode::kLate ? kLateReport : seconds(0);
  video_.next_report = now + first_report;
  audio_.next_report = now + first_report;
}

std::string MediaSender::rtp_info(const std::string& base_url) const {
  std::string info;
  if (video_.is_set_up) {
    info = fmt::format("url={}/video;seq={};rtptime={}", base_url, video_.sequence,
                       camera_.picture(next_picture_).rtp_timestamp);
  }
  const auto audio = camera_.audio(next_audio_);
  if (audio_.is_set_up && audio) {
    info += fmt::format("{}url={}/audio;seq={};rtptime={}", info.empty() ? "" : ",", base_url,
                        audio_.sequence, audio->rtp_timestamp);
  }
  return info;
}

SimTime MediaSender::next_due(SimTime now) const {
  if (!is_playing_) return now + seconds(1);
  return camera_.time_of(next_picture_);
}

void MediaSender::send_due(SimTime now, Outbox& outbox, bool wants_log, EventLog& events) {
  if (!is_playing_ || was_cut_) return;
  if (camera_.settings.stalled_until) return;
  follow_ssrc(video_);
  follow_ssrc(audio_);
  skip_if_too_far_behind(now, events);
  const std::uint64_t end = camera_.pictures_until(now);
  while (next_picture_ < end && !outbox.is_full() && !was_cut_) {
    // Audio rides along with the picture after it: one write for both.
    send_audio_until(camera_.time_of(next_picture_), outbox);
    send_report_if_due(video_, now, outbox);
    send_report_if_due(audio_, now, outbox);
    const TakenPicture taken = camera_.picture(next_picture_++);
    if (video_.is_set_up) send_picture(taken, outbox, wants_log);
  }
}

void MediaSender::skip_missed(SimTime now) {
  next_picture_ = std::max(next_picture_, camera_.pictures_until(now));
  next_audio_ = std::max(next_audio_, camera_.audio_at_picture(next_picture_));
}

void MediaSender::skip_if_too_far_behind(SimTime now, EventLog& events) {
  const std::uint64_t end = camera_.pictures_until(now);
  const auto limit = static_cast<std::uint64_t>(kCameraBufferSeconds * camera_.rate().per_second());
  if (end <= next_picture_ + limit) return;
  const std::uint64_t key = std::max(camera_.last_key_until(end - 1), next_picture_);
  for (std::uint64_t number = next_picture_; number < key; ++number) {
    video_.sequence = static_cast<std::uint16_t>(
        video_.sequence + camera_.picture(number).packets->packets.size() + 1);
  }
  counters_.pictures_skipped += key - next_picture_;
  events.write(camera_.name(), "overflow",
               fmt::format("client={} from={} to={} (the client reads too slowly)", client_,
                           next_picture_, key));
  next_picture_ = key;
  next_audio_ = std::max(next_audio_, camera_.audio_at_picture(key));
}

void MediaSender::send_picture(const TakenPicture& taken, Outbox& outbox, bool wants_log) {
  const Bytes mark =
      mark_nal_unit({taken.number, taken.wall_time, taken.rtp_timestamp, camera_.id()});
  std::vector<ByteSpan> nal_units = taken.picture->nal_units;
  Bytes filler;
  PacketTemplate large;
  const PacketTemplate* packets = taken.packets;
  if (taken.is_oversize) {
    // One more slice of nonsense; 0x55 needs no emulation prevention.
    filler.assign(camera_.oversize_bytes(), std::byte{0x55});
    filler[0] = nal_units.back()[0];
    nal_units.emplace_back(filler);
    large = packetize_picture(nal_units, camera_.media()->layout);
    packets = &large;
  }
  if (stray_packets_ > 0) send_strays(taken.rtp_timestamp, outbox);
  const std::size_t begin = outbox.bytes().size();
  std::uint32_t lost =
      send_packets(video_, *packets, 0, packets->mark_before, taken.rtp_timestamp, outbox);
  lost += send_packets(video_, packetize_mark(mark), 0, 1, taken.rtp_timestamp, outbox);
  lost += send_packets(video_, *packets, packets->mark_before, packets->packets.size(),
                       taken.rtp_timestamp, outbox);
  if (cuts_next_) {
    outbox.bytes().resize(begin + (outbox.bytes().size() - begin) / 2);
    was_cut_ = true;
    return;
  }
  ++counters_.pictures;
  if (!wants_log) return;
  SentPicture sent{.path = camera_.name(),
                   .client = client_,
                   .number = taken.number,
                   .rtp_timestamp = taken.rtp_timestamp,
                   .wall_time = taken.wall_time,
                   .sample_bytes = 0,
                   .sample_crc = 0,
                   .is_key = taken.is_key,
                   .packets_lost = lost,
                   .is_oversize = taken.is_oversize};
  describe_sample(nal_units, mark, sent);
  outbox.end_picture(sent);
}

std::uint32_t MediaSender::send_packets(Track& track, const PacketTemplate& packets,
                                        std::size_t first, std::size_t last,
                                        std::uint32_t timestamp, Outbox& outbox) {
  const std::uint8_t type = track.is_video ? kVideoPayloadType : kAudioPayloadType;
  std::uint32_t lost = 0;
  for (std::size_t i = first; i < last; ++i) {
    const ByteSpan packet = packets.packet(i);
    const std::uint16_t sequence = track.sequence++;
    if (loses_packet()) {
      ++lost;
      ++counters_.packets_lost;
      continue;
    }
    Bytes& out = outbox.bytes();
    const std::size_t at = out.size();
    out.insert(out.end(), packet.begin(), packet.end());
    stamp(std::span(out).subspan(at), {track.channel, type, sequence, timestamp, track.ssrc});
    ++track.packets;
    ++counters_.packets;
    track.octets +=
        static_cast<std::uint32_t>(packet.size() - kInterleavedHeaderBytes - kRtpHeaderBytes);
  }
  return lost;
}

bool MediaSender::loses_packet() {
  LossRule& rule = camera_.settings.loss;
  if (rule.next > 0) {
    --rule.next;
    return true;
  }
  if (rule.every > 0 && (counters_.packets + counters_.packets_lost + 1) % rule.every == 0)
    return true;
  return rule.fraction > 0 && std::generate_canonical<double, 32>(random_) < rule.fraction;
}

void MediaSender::send_audio_until(SimTime time, Outbox& outbox) {
  const std::uint64_t end = camera_.audio_until(time);
  for (; next_audio_ < end; ++next_audio_) {
    const auto taken = camera_.audio(next_audio_);
    if (!taken || !audio_.is_set_up || !camera_.settings.sends_audio) continue;
    send_packets(audio_, *taken->packets, 0, taken->packets->packets.size(), taken->rtp_timestamp,
                 outbox);
  }
}

void MediaSender::send_report_if_due(Track& track, SimTime now, Outbox& outbox) {
  if (!track.is_set_up || !track.next_report || now < *track.next_report) return;
  if (camera_.settings.rtcp == RtcpMode::kOff) return;
  track.next_report = now + kReportInterval;
  const auto wall = camera_.wall_at(now) + camera_.settings.camera_clock_offset;
  auto whole = static_cast<std::uint64_t>(wall.count() / 1'000'000) + kNtpEpochOffset;
  const auto rest = static_cast<std::uint64_t>(wall.count() % 1'000'000);
  // 1970, an hour after the 2036 rollover, and fifty years ahead, by chance.
  constexpr std::uint64_t kAbsurd[] = {kNtpEpochOffset, 3600, kNtpEpochOffset + 3'400'000'000};
  if (camera_.settings.rtcp == RtcpMode::kAbsurd) whole = kAbsurd[random_() % std::size(kAbsurd)];
  ByteWriter out(outbox.bytes());
  out.u8('$').u8(static_cast<std::uint8_t>(track.channel + 1)).u16(28 + 16);
  out.u8(0x80).u8(200).u16(6).u32(track.ssrc);  // sender report, RFC 3550 §6.4.1
  out.u32(static_cast<std::uint32_t>(whole))
      .u32(static_cast<std::uint32_t>((rest << 32U) / 1'000'000));
  out.u32(camera_.rtp_time(track.is_video, now)).u32(track.packets).u32(track.octets);
  out.u8(0x81).u8(202).u16(3).u32(track.ssrc);  // source description with a CNAME, §6.5
  out.u8(1).u8(4).text("cam1").zeros(2);
}

void MediaSender::send_strays(std::uint32_t timestamp, Outbox& outbox) {
  const Bytes nonsense(40, std::byte{0x41});
  for (; stray_packets_ > 0; --stray_packets_) {
    const PacketTemplate stray = packetize_mark(nonsense);
    Bytes& out = outbox.bytes();
    const std::size_t at = out.size();
    out.insert(out.end(), stray.bytes.begin(), stray.bytes.end());
    stamp(std::span(out).subspan(at),
          {video_.channel, kVideoPayloadType, static_cast<std::uint16_t>(random_()),
           timestamp + 12345, ~video_.ssrc});
  }
}

void MediaSender::follow_ssrc(Track& track) {
  const std::uint32_t ssrc = camera_.ssrc(track.is_video);
  if (track.ssrc == ssrc) return;
  // A new source begins anywhere (RFC 3550 §8); its counts begin at 0.
  track.ssrc = ssrc;
  track.sequence = static_cast<std::uint16_t>(random_());
  track.packets = 0;
  track.octets = 0;
}

}  // namespace longtake::camsim
