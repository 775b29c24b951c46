#pragma once

#include <cstdint>
#include <string>

#include "sim/camera/outbox.h"
#include "sim/camera/rtsp_dialogue.h"

namespace longtake::camsim {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool is_open() const { return value_ >= 0; }
  void reset();

 private:
  int value_ = -1;
};

enum class CloseKind : std::uint8_t { kFin, kReset };

/// One RTSP connection: its socket, its conversation, and what misbehaviour is aimed at it.
///
/// Thread     the simulator's one; nothing here blocks.
class Client {
 public:
  Client(Descriptor socket, std::uint64_t number, RtspDialogue::FindCamera find, std::uint64_t seed,
         SentLog& sent, EventLog& events);

  /// Reads and answers what has come.
  void on_readable(SimTime now);
  /// Sends what is due.
  void tick(SimTime now);

  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const Camera* camera() const { return dialogue_.camera(); }
  [[nodiscard]] MediaSender* sender() const { return dialogue_.sender(); }
  [[nodiscard]] bool is_closed() const { return !socket_.is_open(); }
  [[nodiscard]] bool wants_to_read() const { return !is_frozen_; }
  [[nodiscard]] bool wants_to_write() const;
  /// When tick() will have something to do.
  [[nodiscard]] SimTime next_due(SimTime now) const;

  void close(CloseKind kind, std::string_view why);
  /// Closes in the middle of the next picture.
  void cut_next_picture(CloseKind kind);
  /// Neither reads nor writes any more, and does not close: a cable pulled out.
  void freeze() { is_frozen_ = true; }
  void thaw() { is_frozen_ = false; }

 private:
  void answer(const RtspRequest& request, SimTime now);
  void begin_flood(FloodMode mode);
  void feed_flood();
  void write(SimTime now);

  Descriptor socket_;
  std::uint64_t number_;
  RtspDialogue dialogue_;
  RtspRequestReader reader_;
  Outbox outbox_;
  SentLog& sent_;
  EventLog& events_;
  bool is_frozen_ = false;
  bool closes_when_empty_ = false;
  CloseKind close_kind_ = CloseKind::kFin;
  std::string_view flood_;  // repeated until flood_left_ is used up
  std::uint64_t flood_left_ = 0;
};

}  // namespace longtake::camsim
