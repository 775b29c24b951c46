#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "codec/dts_estimator.h"
#include "codec/h264_config.h"
#include "media/item.h"
#include "rtsp/rtp.h"

namespace longtake::rtsp {

/// What is known of a packet beside its own bytes.
struct Arrival {
  std::int64_t timestamp = 0;  // unwrapped RTP timestamp
  MonotonicTime received;
  bool is_after_loss = false;  // packets are missing directly before this one
};

/// Builds access units of H.264 from RTP packets: single NAL units, STAP-A, FU-A.
///
/// The one copy of media on its way from the socket is made here: a payload is appended to the unit
/// being built, which is then moved, not copied, into the AccessUnit.
///
/// A unit ends at the marker bit, where the timestamp changes, and where the syntax says that a new
/// picture begins (for cameras that set neither). NAL units without a picture travel at the head of
/// the next unit that has one. Units are delivered from the first sync unit on (IDR or recovery
/// point, with parameter sets known), and after one that is too large again only from the next sync
/// unit. Access unit delimiters go; everything else stays as it came.
///
/// Units      RTP ticks.
/// Thread     confined to its session's thread.
/// Limits     limits::kAccessUnitBytes, limits::kNalUnitsPerAccessUnit; past them the unit is
///            dropped (CAM-23).
/// Errors     none: what is malformed is dropped, counted, and marks its unit as damaged (CAM-24).
/// Source     RFC 6184 §5.6, §5.7.1, §5.8; ITU-T H.264 §7.4.1.2.3.
class H264Depacketizer {
 public:
  H264Depacketizer(media::TrackId track, std::uint32_t clock_rate_hz, media::ItemSink& sink);

  /// sprop-parameter-sets of SDP: base64, comma-separated. What cannot be read is left out.
  void take_sprop_parameter_sets(std::string_view sprop);
  /// Delivers the config as far as the SDP gave it.
  void announce();

  void push(const RtpPacket& packet, const Arrival& arrival);
  /// Another SSRC: what is half built belongs to nobody, and times start anew.
  void on_new_source();

  [[nodiscard]] media::TrackConfigPtr config() const { return config_; }
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }
  [[nodiscard]] std::uint64_t units() const { return units_; }
  [[nodiscard]] const codec::DtsEstimator& dts() const { return dts_; }

 private:
  enum class WaitingFor : std::uint8_t { kNothing, kFirstSync, kSyncAfterOversize };
  struct Unit {  // the one being built
    Bytes payload;
    std::size_t nal_start = 0;  // of the length field of the NAL unit being appended
    std::size_t nal_count = 0;
    std::size_t whole_slices = 0;
    std::int64_t timestamp = 0;
    bool is_started = false;
    bool has_picture = false;  // a slice has begun
    bool has_idr = false;
    bool has_recovery_point = false;
    bool is_damaged = false;
    bool is_dropped = false;  // too large: the rest of it is ignored
  };

  void take_stap(ByteSpan payload);
  void take_fragment(ByteSpan payload);
  void take_nal(ByteSpan nal);
  bool begin_nal(std::byte header, std::byte first_of_body);
  void append(ByteSpan bytes);
  void end_nal();
  void drop_open_fragment();
  void damage(bool counts_as_malformed);
  void split_before(std::uint8_t type, bool begins_picture);
  void finish_unit();
  void deliver(bool is_sync);
  void drop_waiting_unit();
  void begin_unit(std::int64_t timestamp);
  void reserve_for(bool is_key);
  void update_config();

  media::TrackId track_;
  std::uint32_t clock_rate_hz_;
  media::ItemSink& sink_;
  codec::h264::ParameterSets sets_;
  codec::DtsEstimator dts_;
  media::TrackConfigPtr config_;  // as last delivered
  bool sets_changed_ = false;
  WaitingFor waiting_for_ = WaitingFor::kFirstSync;
  bool said_waiting_ = false;

  Unit unit_;
  bool fragment_open_ = false;          // an FU-A without its end yet
  bool next_is_damaged_ = false;        // packets are missing before the next unit
  bool ignores_marker_ = false;         // this camera sets it on every slice
  std::int64_t marked_timestamp_ = -1;  // of the unit that the marker bit ended last
  MonotonicTime received_;
  std::array<std::size_t, 2> usual_bytes_{};  // of the last other unit, of the last key unit
  std::uint64_t dropped_after_oversize_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t units_ = 0;
};

}  // namespace longtake::rtsp
