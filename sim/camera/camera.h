#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sim/camera/authenticator.h"
#include "sim/camera/camera_settings.h"
#include "sim/camera/packetizer.h"

namespace longtake::camsim {

/// Pictures per second as a fraction, e.g. 30000/1001.
struct PictureRate {
  std::int64_t pictures = 15;
  std::int64_t seconds = 1;

  [[nodiscard]] double per_second() const {
    return static_cast<double>(pictures) / static_cast<double>(seconds);
  }
};

/// One picture as a camera takes it: what is in it and when it was.
struct TakenPicture {
  std::uint64_t number = 0;
  const Picture* picture = nullptr;
  const PacketTemplate* packets = nullptr;
  std::uint32_t rtp_timestamp = 0;
  std::chrono::microseconds wall_time{};
  bool is_key = false;
  bool is_oversize = false;
};

struct TakenAudio {
  const PacketTemplate* packets = nullptr;
  std::uint32_t rtp_timestamp = 0;
};

/// A simulated camera: takes pictures by the clock whether anybody watches or not. Sessions read
/// along.
///
/// Picture `n` exists from its time on and is the same for every session; only sequence numbers are
/// a session's own.
///
/// Units      picture and audio frame numbers from 0 at the start; positions are media time since
///            the start. Ownership  shares its packetized media; what it returns lives until the
///            media is switched twice more.
/// Thread     the simulator's one.
class Camera {
 public:
  /// `phase` delays the first picture, so that many cameras do not all send at once.
  Camera(std::string name, PacketizedMediaPtr media, PictureRate rate, SimTime start,
         std::chrono::microseconds wall_start, std::chrono::microseconds phase, std::uint64_t seed);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] PictureRate rate() const { return rate_; }
  [[nodiscard]] const PacketizedMediaPtr& media() const { return spans_.back().media; }
  [[nodiscard]] std::uint32_t ssrc(bool is_video) const { return is_video ? ssrc_ : ssrc_ + 1; }
  [[nodiscard]] std::uint32_t id() const { return id_; }

  /// The number the next picture will get: all below it exist.
  [[nodiscard]] std::uint64_t pictures_until(SimTime now) const;
  [[nodiscard]] std::uint64_t audio_until(SimTime now) const;
  /// When picture `number` is, was or will be taken at the present speed.
  [[nodiscard]] SimTime time_of(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t next_key_from(std::uint64_t number) const;
  [[nodiscard]] std::uint64_t last_key_until(std::uint64_t number) const;
  /// The first audio frame that begins at or after a picture.
  [[nodiscard]] std::uint64_t audio_at_picture(std::uint64_t number) const;

  [[nodiscard]] TakenPicture picture(std::uint64_t number) const;
  [[nodiscard]] std::optional<TakenAudio> audio(std::uint64_t number) const;
  /// RTP time at this moment, for sender reports.
  [[nodiscard]] std::uint32_t rtp_time(bool is_video, SimTime now) const;
  [[nodiscard]] std::chrono::microseconds wall_at(SimTime now) const;
  /// A picture so large that nobody should keep it.
  [[nodiscard]] std::size_t oversize_bytes() const { return oversize_bytes_; }

  // What commands do to the next picture and those after it.
  void set_speed(double factor, SimTime now);
  void jump(std::chrono::milliseconds step, SimTime now);
  /// RTP time stands this much before its 32-bit wrap.
  void approach_wrap(std::chrono::milliseconds before, SimTime now);
  void set_media_rate(double factor, SimTime now);
  void set_timestamps(TimestampMode mode, SimTime now);
  void change_ssrc() { ssrc_ += 0x01000193U; }
  void switch_media(PacketizedMediaPtr media, SimTime now);
  void withhold_keys(std::chrono::milliseconds duration, SimTime now);
  void make_oversize(std::size_t bytes, SimTime now);

  CameraSettings settings;
  Authenticator authenticator;

 private:
  using Position = std::chrono::microseconds;

  struct Span {  // which media plays from which picture on
    std::uint64_t first = 0;
    PacketizedMediaPtr media;
  };
  struct Ticks {  // RTP time, a line through an anchor
    std::uint64_t number = 0;
    std::int64_t value = 0;
    double per_item = 0;
    Position position{0};  // audio only: where `number` begins
  };

  [[nodiscard]] Position position_at(SimTime now) const;
  [[nodiscard]] Position position_of(std::uint64_t number) const;
  [[nodiscard]] const Span& span_of(std::uint64_t number) const;
  [[nodiscard]] const Picture& filed_picture(std::uint64_t number, std::size_t& index) const;
  [[nodiscard]] bool is_key(std::uint64_t number) const;
  [[nodiscard]] std::uint32_t video_ticks(std::uint64_t number, std::int32_t reorder) const;
  void anchor_video(SimTime now);
  void anchor_audio(SimTime now);
  [[nodiscard]] double audio_rate_hz() const;

  std::string name_;
  PictureRate rate_;
  SimTime start_;
  std::chrono::microseconds wall_start_;
  std::uint32_t id_;
  std::uint32_t ssrc_;
  std::vector<Span> spans_;
  SimTime speed_since_;
  Position speed_position_{0};  // media time when the present speed began
  double speed_ = 1;
  Ticks video_;
  Ticks audio_;
  double media_rate_ = 1;  // RTP seconds per second
  std::uint32_t constant_ticks_ = 0;
  std::uint64_t no_key_from_ = 0;
  std::uint64_t no_key_until_ = 0;
  std::optional<std::uint64_t> oversize_;
  std::size_t oversize_bytes_ = 0;
};

}  // namespace longtake::camsim
