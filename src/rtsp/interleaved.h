#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace longtake::rtsp {

/// Finds interleaved frames and messages in what an RTSP connection delivers, in place, without a
/// copy.
///
/// In step, whatever '$' announces is taken by its length, on known channels or not. Bytes that
/// begin neither frame nor message are junk (cameras that count a length wrong, stray blank lines):
/// they are counted, and only a frame on a known channel with an RTP version inside, or the start
/// of a message, brings us back into step.
///
/// Ownership  what it returns points into the bytes given.
/// Limits     a frame has at most 65,539 bytes, so a caller's buffer needs no more than that beside
///            what is new.
/// Errors     none: junk is counted, the caller decides when it is too much.
/// Source     RFC 2326 §10.12.
class InterleavedScanner {
 public:
  enum class Kind : std::uint8_t {
    kNeedMore,  // `size` is 0: keep the bytes and come back with more behind them
    kFrame,     // one interleaved frame
    kMessage,   // a message begins here; `size` is 0, the bytes are the message parser's
    kJunk,      // `size` bytes to throw away
    kBlank,     // line ends between messages: to throw away, no fault
  };
  struct Found {
    Kind kind = Kind::kNeedMore;
    std::size_t size = 0;  // bytes to move on by
    std::uint8_t channel = 0;
    ByteSpan payload;  // of a frame
  };

  static constexpr std::size_t kFrameHeaderBytes = 4;
  static constexpr std::size_t kMaxFrameBytes = kFrameHeaderBytes + 65'535;

  void set_known_channel(std::uint8_t channel) { known_channels_[channel] = true; }
  /// What stands at the beginning of `bytes`, which must not be empty.
  Found next(ByteSpan bytes);
  [[nodiscard]] bool is_in_step() const { return in_step_; }

 private:
  [[nodiscard]] bool may_begin_frame(ByteSpan bytes) const;

  std::array<bool, 256> known_channels_{};
  bool in_step_ = true;
};

}  // namespace longtake::rtsp
