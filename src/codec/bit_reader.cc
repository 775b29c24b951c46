#include "codec/bit_reader.h"

namespace longtake::codec {

bool BitReader::next_byte() {
  if (next_ >= bytes_.size()) return false;
  unsigned value = std::to_integer<unsigned>(bytes_[next_++]);
  if (emulation_ == Emulation::kPrevented && zeros_ >= 2 && value == 3) {
    zeros_ = 0;
    if (next_ >= bytes_.size()) return false;
    value = std::to_integer<unsigned>(bytes_[next_++]);
  }
  zeros_ = value == 0 ? zeros_ + 1 : 0;
  current_ = value;
  left_ = 8;
  return true;
}

std::uint32_t BitReader::bits(int count) {
  std::uint64_t value = 0;
  for (int wanted = count; wanted > 0;) {
    if (failed_ || (left_ == 0 && !next_byte())) {
      failed_ = true;
      return 0;
    }
    const int taken = wanted < left_ ? wanted : left_;
    const unsigned mask = (1U << static_cast<unsigned>(taken)) - 1U;
    value = value << static_cast<unsigned>(taken) |
            (current_ >> static_cast<unsigned>(left_ - taken) & mask);
    left_ -= taken;
    wanted -= taken;
    position_bits_ += static_cast<std::size_t>(taken);
  }
  return static_cast<std::uint32_t>(value);
}

void BitReader::skip(int count) {
  for (; count > 32; count -= 32) bits(32);
  bits(count);
}

std::uint32_t BitReader::unsigned_exp_golomb() {
  int leading_zeros = 0;
  while (!flag()) {
    if (failed_ || ++leading_zeros > 31) {
      failed_ = true;
      return 0;
    }
  }
  const std::uint32_t suffix = bits(leading_zeros);
  return failed_ ? 0 : (1U << static_cast<unsigned>(leading_zeros)) - 1U + suffix;
}

std::int32_t BitReader::signed_exp_golomb() {
  const std::uint32_t code = unsigned_exp_golomb();
  const auto magnitude = static_cast<std::int64_t>((static_cast<std::uint64_t>(code) + 1) / 2);
  return static_cast<std::int32_t>((code & 1U) != 0 ? magnitude : -magnitude);
}

}  // namespace longtake::codec
