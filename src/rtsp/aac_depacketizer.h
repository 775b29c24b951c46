#pragma once

#include <cstdint>

#include "base/result.h"
#include "codec/aac_config.h"
#include "codec/dts_estimator.h"
#include "media/item.h"
#include "rtsp/h264_depacketizer.h"
#include "rtsp/rtp.h"
#include "rtsp/sdp.h"

namespace longtake::rtsp {

/// Builds AAC access units from RTP packets of mpeg4-generic: several units a packet, or one unit
/// over several packets.
///
/// Every unit lasts the config's frame length; the first of a packet has the packet's timestamp.
///
/// Units      RTP ticks.
/// Thread     confined to its session's thread.
/// Limits     a unit has at most 65,535 bytes (AU-size has at most 16 bits here).
/// Errors     none after making it: what is malformed is dropped and counted, and the next unit is
///            marked as damaged.
/// Source     RFC 3640 §3.2, §3.3.6; interleaving (AU-Index other than 0) is not undone.
class AacDepacketizer {
 public:
  struct Format {
    codec::aac::AudioConfig audio;
    Bytes config;  // AudioSpecificConfig
    std::uint32_t clock_rate_hz = 0;
    int size_bits = 13;        // sizelength
    int index_bits = 3;        // indexlength
    int index_delta_bits = 3;  // indexdeltalength
  };

  /// Reads rtpmap and fmtp. A missing `config` is made up from rate and channels, as AAC-LC.
  /// Errors     kInvalidArgument in words for SkippedTrack.
  static Result<Format> read_format(const MediaDescription& media);

  AacDepacketizer(media::TrackId track, Format format, media::ItemSink& sink);

  void announce();
  void push(const RtpPacket& packet, const Arrival& arrival);
  void on_new_source();

  [[nodiscard]] media::TrackConfigPtr config() const { return config_; }
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }
  [[nodiscard]] std::uint64_t units() const { return units_; }

 private:
  void take_fragment(std::size_t unit_bytes, ByteSpan data, const RtpPacket& packet,
                     const Arrival& arrival);
  void deliver(Bytes payload, std::int64_t timestamp, MonotonicTime received);
  void refuse();

  media::TrackId track_;
  Format format_;
  media::ItemSink& sink_;
  media::TrackConfigPtr config_;
  codec::DtsEstimator dts_;
  std::int64_t unit_ticks_;
  Bytes fragment_;                  // the unit that comes in several packets
  std::size_t fragment_total_ = 0;  // its size; 0 without one
  std::int64_t fragment_timestamp_ = 0;
  bool next_is_damaged_ = false;
  std::uint64_t malformed_ = 0;
  std::uint64_t units_ = 0;
};

}  // namespace longtake::rtsp
