#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "media/item.h"
#include "rtsp/aac_depacketizer.h"
#include "rtsp/h264_depacketizer.h"
#include "rtsp/media_watchdog.h"
#include "rtsp/rtcp.h"
#include "rtsp/rtp.h"

namespace longtake::rtsp {

/// One track of a session, from its interleaved frames to its items.
///
/// Thread     confined to its session's thread.
/// Limits     those of RtpSource and the depacketizers.
/// Errors     none: what cannot be read is dropped and counted.
class TrackReceiver {
 public:
  using Depacketizer = std::variant<H264Depacketizer, AacDepacketizer>;

  TrackReceiver(media::TrackId track, media::TrackKind kind, std::uint8_t payload_type,
                std::uint32_t clock_rate_hz, Depacketizer depacketizer, media::ItemSink& sink);

  /// Delivers the config, if the SDP gave one.
  void announce();
  void on_rtp(ByteSpan bytes, MonotonicTime now);
  void on_rtcp(ByteSpan bytes, MonotonicTime now);
  /// A receiver report for the track's source; nothing before its first packet.
  [[nodiscard]] std::optional<Bytes> receiver_report(std::uint32_t our_ssrc,
                                                     MonotonicTime now) const;

  [[nodiscard]] media::TrackId track() const { return track_; }
  [[nodiscard]] media::TrackKind kind() const { return kind_; }
  [[nodiscard]] media::TrackConfigPtr config() const;
  [[nodiscard]] const RtpSource& source() const { return source_; }
  [[nodiscard]] MediaWatchdog& watchdog() { return watchdog_; }
  [[nodiscard]] const MediaWatchdog& watchdog() const { return watchdog_; }
  [[nodiscard]] std::uint64_t units() const;
  /// Packets that are no RTP or RTCP, of another payload type, or malformed inside.
  [[nodiscard]] std::uint64_t malformed() const;
  /// When the camera said goodbye for the track's source and sent nothing since.
  [[nodiscard]] std::optional<MonotonicTime> goodbye_at() const { return goodbye_at_; }

 private:
  void take_media(const RtpPacket& packet, const RtpSource::Judged& judged, MonotonicTime now);
  void switch_source(MonotonicTime now);

  media::TrackId track_;
  media::TrackKind kind_;
  std::uint8_t payload_type_;
  std::uint32_t clock_rate_hz_;
  Depacketizer depacketizer_;
  media::ItemSink& sink_;
  RtpSource source_;
  TimestampUnwrapper timestamps_;
  MediaWatchdog watchdog_;
  bool has_seen_payload_type_ = false;
  std::uint64_t malformed_ = 0;
  std::optional<MonotonicTime> goodbye_at_;
  std::uint32_t last_report_ntp_middle_ = 0;
  MonotonicTime last_report_at_;
};

}  // namespace longtake::rtsp
