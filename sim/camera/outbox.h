#pragma once

#include <deque>
#include <string_view>

#include "base/bytes.h"
#include "sim/camera/camera_settings.h"
#include "sim/camera/sim_log.h"

namespace longtake::camsim {

/// Bytes on their way to one client, and the pictures among them that count as sent once their last
/// byte is taken.
///
/// Limits     none of its own; senders stop at `is_full()`.
class Outbox {
 public:
  enum class Outcome { kEmpty, kBlocked, kBroken };

  /// Where senders append; everything in it will be written.
  Bytes& bytes() { return bytes_; }
  void append(std::string_view text);
  /// The bytes appended so far end this picture.
  void end_picture(const SentPicture& picture);
  [[nodiscard]] std::size_t pending() const { return bytes_.size() - written_; }
  [[nodiscard]] bool is_full() const { return pending() >= kFullBytes; }

  /// Writes what the socket takes; logs pictures that went out whole.
  Outcome write(int socket, SentLog& log);
  /// As write(), but at most one byte each second.
  Outcome trickle(int socket, SentLog& log, SimTime now);

 private:
  static constexpr std::size_t kFullBytes = 2U << 20U;
  struct PictureEnd {
    std::uint64_t position = 0;  // in all bytes ever appended
    SentPicture picture;
  };

  Outcome write_some(int socket, SentLog& log, std::size_t limit);

  Bytes bytes_;
  std::size_t written_ = 0;      // of bytes_
  std::uint64_t discarded_ = 0;  // bytes written and removed from bytes_
  std::deque<PictureEnd> pictures_;
  SimTime next_trickle_{};
};

}  // namespace longtake::camsim
