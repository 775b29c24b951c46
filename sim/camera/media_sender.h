#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "sim/camera/camera.h"
#include "sim/camera/outbox.h"

namespace longtake::camsim {

/// What one session has been sent.
struct SenderCounters {
  std::uint64_t pictures = 0;
  std::uint64_t packets = 0;
  std::uint64_t packets_lost = 0;      // left out on purpose
  std::uint64_t pictures_skipped = 0;  // the client did not read in time
};

/// Sends one session's RTP and RTCP: reads along its camera's pictures and writes interleaved
/// packets into an outbox.
///
/// A client that reads too slowly falls behind by at most 15 s of pictures, as with a camera's own
/// buffer; what is older is skipped up to a key picture, and its sequence numbers with it.
///
/// Ownership  borrows the camera; the owner of the session outlives neither.
class MediaSender {
 public:
  MediaSender(Camera& camera, std::uint64_t client, std::uint64_t seed);

  /// Chooses a track's channels; RTCP goes to the one after.
  void set_up(bool is_video, std::uint8_t channel);
  void play(SimTime now);
  void stop() { is_playing_ = false; }
  [[nodiscard]] bool is_playing() const { return is_playing_; }
  [[nodiscard]] bool has_tracks() const { return video_.is_set_up || audio_.is_set_up; }
  /// The RTP-Info header's entry of a track that is set up, e.g. "url=…;seq=1;rtptime=2".
  [[nodiscard]] std::string rtp_info(const std::string& base_url) const;

  /// Appends everything due; `wants_log` asks for the checksum of each sample.
  void send_due(SimTime now, Outbox& outbox, bool wants_log, EventLog& events);
  /// When there will be something to send again.
  [[nodiscard]] SimTime next_due(SimTime now) const;

  /// Forgets the pictures taken until now, as a camera that was not encoding; its sequence numbers
  /// do not skip.
  void skip_missed(SimTime now);
  /// The next picture ends in its middle; then the connection should close.
  void cut_next_picture() { cuts_next_ = true; }
  [[nodiscard]] bool was_cut() const { return was_cut_; }
  void send_stray_packets(std::uint32_t count) { stray_packets_ = count; }
  [[nodiscard]] const SenderCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint64_t next_picture() const { return next_picture_; }

 private:
  struct Track {
    bool is_video = true;
    bool is_set_up = false;
    std::uint8_t channel = 0;
    std::uint16_t sequence = 0;
    std::uint32_t packets = 0;  // since the session began, as sender reports count
    std::uint32_t octets = 0;
    std::uint32_t ssrc = 0;
    std::optional<SimTime> next_report;
  };

  void skip_if_too_far_behind(SimTime now, EventLog& events);
  void send_picture(const TakenPicture& taken, Outbox& outbox, bool wants_log);
  void send_audio_until(SimTime time, Outbox& outbox);
  /// Appends or loses packets [first, last) of a template; returns how many were lost.
  std::uint32_t send_packets(Track& track, const PacketTemplate& packets, std::size_t first,
                             std::size_t last, std::uint32_t timestamp, Outbox& outbox);
  bool loses_packet();
  void send_report_if_due(Track& track, SimTime now, Outbox& outbox);
  void send_strays(std::uint32_t timestamp, Outbox& outbox);
  void follow_ssrc(Track& track);

  Camera& camera_;
  std::uint64_t client_;
  std::minstd_rand random_;
  Track video_;
  Track audio_;
  bool is_playing_ = false;
  bool cuts_next_ = false;
  bool was_cut_ = false;
  std::uint32_t stray_packets_ = 0;
  std::uint64_t next_picture_ = 0;
  std::uint64_t next_audio_ = 0;
  SenderCounters counters_;
};

}  // namespace longtake::camsim
