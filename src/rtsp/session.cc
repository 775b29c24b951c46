#include "rtsp/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace longtake::rtsp {

namespace {

using media::Reason;

constexpr nanoseconds kReportInterval = seconds(5);   // RFC 3550 §6.2: the recommended least
constexpr nanoseconds kGoodbyePatience = seconds(1);  // a goodbye may be followed by a new source

/// "10 s".
std::string text_of(nanoseconds span) {
  return fmt::format("{} s", std::chrono::duration_cast<seconds>(span).count());
}

}  // namespace

Session::Session(Url url, std::string username, base::Secret password, base::Random& random,
                 media::ItemSink& sink)
    : url_(std::move(url)),
      authenticator_(std::move(username), std::move(password), random),
      sink_(sink),
      our_ssrc_(static_cast<std::uint32_t>(random.next())) {}

void Session::end(Reason reason, std::string detail) {
  if (!end_) end_ = SessionEnd{reason, std::move(detail)};
}

Bytes Session::take_output() { return std::exchange(output_, {}); }

std::size_t Session::feed(ByteSpan bytes, MonotonicTime now) {
  std::size_t position = 0;
  bool has_completed = false;
  while (position < bytes.size() && !end_) {
    const ByteSpan rest = bytes.subspan(position);
    if (is_in_message_) {
      const auto taken = parser_.consume(rest);
      if (!taken) {
        const bool is_flood = taken.error().code() == ErrorCode::kResourceExhausted;
        end(is_flood ? Reason::kCameraDisconnected : Reason::kUnsupportedMedia,
            taken.error().message());
        break;
      }
      position += *taken;
      if (!parser_.is_complete()) break;
      is_in_message_ = false;
      has_completed = true;
      on_message(parser_.take(), now);
      continue;
    }
    const auto found = scanner_.next(rest);
    if (found.kind == InterleavedScanner::Kind::kNeedMore) break;
    position += found.size;
    if (found.kind == InterleavedScanner::Kind::kFrame) {
      has_completed = true;
      junk_in_a_row_ = 0;
      on_frame(found.channel, found.payload, now);
    } else if (found.kind == InterleavedScanner::Kind::kMessage) {
      is_in_message_ = true;
      junk_in_a_row_ = 0;
    } else if (found.kind == InterleavedScanner::Kind::kJunk) {
      counters_.junk_bytes += found.size;
      junk_in_a_row_ += found.size;
      if (junk_in_a_row_ > limits::kRtspJunkBytes) {
        end(Reason::kUnsupportedMedia,
            fmt::format("sent over {} bytes that are neither RTSP nor media; is this an RTSP port?",
                        limits::kRtspJunkBytes));
      }
    }
  }
  if (end_) return bytes.size();
  const bool has_partial = is_in_message_ || position < bytes.size();
  if (!has_partial) partial_since_.reset();
  if (has_partial && (has_completed || !partial_since_)) partial_since_ = now;
  return position;
}

void Session::on_closed() {
  if (request_ && request_->purpose == Purpose::kHandshake) {
    end(Reason::kCameraDisconnected, fmt::format("closed the connection without answering {}; is "
                                                 "this an RTSP port, and has the camera sessions "
                                                 "left?",
                                                 request_->method));
  }
  end(Reason::kCameraDisconnected, "the camera closed the connection");
}

void Session::on_tick(MonotonicTime now) {
  if (end_ || state_ == State::kConnecting) return;
  if (partial_since_ && now - *partial_since_ > limits::kRtspMessageDeadline) {
    end(Reason::kCameraTimeout, fmt::format("a message or frame was not complete within {}",
                                            text_of(limits::kRtspMessageDeadline)));
    return;
  }
  const bool is_waiting =
      request_ && request_->purpose == Purpose::kHandshake && state_ != State::kPlaying;
  if (is_waiting && now - request_->sent > limits::kRtspMessageDeadline) {
    const std::string junk =
        counters_.junk_bytes > 0
            ? fmt::format("; it sent {} bytes that are not RTSP", counters_.junk_bytes)
            : "";
    end(Reason::kCameraTimeout, fmt::format("{} got no answer within {}{}", request_->method,
                                            text_of(limits::kRtspMessageDeadline), junk));
    return;
  }
  if (state_ == State::kPlaying) check_media(now);
}

void Session::check_media(MonotonicTime now) {
  TrackReceiver& watched = plan_.tracks[watched_track()].receiver;
  if (watched.watchdog().is_expired(now)) {
    end(Reason::kCameraStalled,
        fmt::format("no {} packet for {:.1f} s", to_string(watched.kind()),
                    std::chrono::duration<double>(now - watched.watchdog().last_packet()).count()));
    return;
  }
  if (watched.goodbye_at() && now - *watched.goodbye_at() > kGoodbyePatience) {
    end(Reason::kCameraDisconnected, "the camera ended the stream (RTCP BYE)");
    return;
  }
  if (keep_alive_.is_due(now)) {
    keep_alive_.on_sent(now);
    send(Purpose::kKeepAlive, keep_alive_.method(), plan_.aggregate_uri, "", now);
  }
  if (now >= next_report_) send_receiver_reports(now);
}

void Session::send_receiver_reports(MonotonicTime now) {
  next_report_ = now + kReportInterval;
  for (std::size_t channel = 0; channel < channels_.size(); ++channel) {
    const Channel& mapped = channels_[channel];
    if (mapped.track < 0 || !mapped.is_rtcp) continue;
    const auto& track = plan_.tracks[static_cast<std::size_t>(mapped.track)].receiver;
    const auto report = track.receiver_report(our_ssrc_, now);
    if (!report) continue;
    ByteWriter writer(output_);
    writer.u8('$')
        .u8(static_cast<std::uint8_t>(channel))
        .u16(static_cast<std::uint16_t>(report->size()));
    writer.bytes(*report);
  }
}

void Session::on_frame(std::uint8_t channel, ByteSpan payload, MonotonicTime now) {
  const Channel mapped = channels_[channel];
  // Media may overtake the answer to PLAY, never the request.
  if (mapped.track < 0 || (state_ != State::kPlaying && state_ != State::kPlay)) {
    ++counters_.unknown_frames;
    return;
  }
  TrackReceiver& track = plan_.tracks[static_cast<std::size_t>(mapped.track)].receiver;
  if (mapped.is_rtcp) {
    if (state_ == State::kPlaying) track.on_rtcp(payload, now);
    return;
  }
  if (state_ == State::kPlay) begin_playing(now);
  ++counters_.packets_received;
  track.on_rtp(payload, now);
}

void Session::begin_playing(MonotonicTime now) {
  state_ = State::kPlaying;
  keep_alive_.start(now);
  next_report_ = now + kReportInterval;
  media::SessionStarted started{.at = now, .kinds = {}, .skipped = plan_.skipped};
  for (std::size_t i = 0; i < plan_.tracks.size(); ++i) {
    if (!is_set_up_[i]) continue;
    started.kinds.push_back(plan_.tracks[i].receiver.kind());
    plan_.tracks[i].receiver.watchdog().start(now);
  }
  sink_.on_item(started);
  for (std::size_t i = 0; i < plan_.tracks.size(); ++i) {
    if (is_set_up_[i]) plan_.tracks[i].receiver.announce();
  }
}

/// Video, where there is any: sound alone is no sign that a camera records.
std::size_t Session::watched_track() const {
  std::size_t watched = plan_.tracks.size();
  for (std::size_t i = 0; i < plan_.tracks.size(); ++i) {
    if (!is_set_up_[i]) continue;
    if (plan_.tracks[i].receiver.kind() == media::TrackKind::kVideo) return i;
    watched = std::min(watched, i);
  }
  return watched;
}

std::optional<MonotonicTime> Session::last_media() const {
  if (state_ != State::kPlaying) return std::nullopt;
  return plan_.tracks[watched_track()].receiver.watchdog().last_packet();
}

Session::Counters Session::counters() const {
  Counters out = counters_;
  for (const PlannedTrack& track : plan_.tracks) {
    out.packets_lost += track.receiver.source().lost();
    out.packets_stray += track.receiver.source().strays();
    out.malformed += track.receiver.malformed();
    out.units += track.receiver.units();
  }
  return out;
}

std::vector<media::TrackConfigPtr> Session::configs() const {
  std::vector<media::TrackConfigPtr> out;
  for (std::size_t i = 0; i < plan_.tracks.size(); ++i) {
    if (is_set_up_[i] && plan_.tracks[i].receiver.config())
      out.push_back(plan_.tracks[i].receiver.config());
  }
  return out;
}

}  // namespace longtake::rtsp
