#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace longtake::codec {

/// Whether the bytes carry emulation prevention (00 00 03 xx inside a NAL unit), to be left out
/// while reading.
enum class Emulation : std::uint8_t { kNone, kPrevented };

/// Reads bits, most significant first, and the Exp-Golomb codes of H.264.
///
/// Ownership  borrows the bytes; makes no copy to remove emulation prevention.
/// Errors     past the end every read gives 0 and `has_failed` stays true: check it once at the
///            end, and before any value read is used as a count.
/// Source     ITU-T H.264 §7.2, §7.4.1, §9.1.
class BitReader {
 public:
  explicit BitReader(ByteSpan bytes, Emulation emulation = Emulation::kNone)
      : bytes_(bytes), emulation_(emulation) {}

  /// `count` bits, 0 to 32.
  std::uint32_t bits(int count);
  bool flag() { return bits(1) != 0; }
  void skip(int count);
  /// ue(v). Values above 2^32 - 2 fail.
  std::uint32_t unsigned_exp_golomb();
  /// se(v).
  std::int32_t signed_exp_golomb();

  [[nodiscard]] bool has_failed() const { return failed_; }
  /// Bits read so far, emulation prevention bytes not counted.
  [[nodiscard]] std::size_t position_bits() const { return position_bits_; }

 private:
  bool next_byte();

  ByteSpan bytes_;
  Emulation emulation_;
  std::size_t next_ = 0;  // index of the byte after the one in `current_`
  std::size_t position_bits_ = 0;
  unsigned zeros_ = 0;  // zero bytes directly before `next_`
  unsigned current_ = 0;
  int left_ = 0;  // bits of `current_` not yet read
  bool failed_ = false;
};

}  // namespace longtake::codec
