#include "codec/h264_nal.h"

#include "codec/bit_reader.h"

namespace longtake::codec::h264 {

namespace {

constexpr std::uint32_t kRecoveryPoint = 6;  // payloadType, Annex D.1
constexpr std::uint32_t kSeiPayloadBytes = 1
                                           << 20;  // larger sizes are nonsense; stops the sum below

/// payloadType and payloadSize: a run of 0xff bytes and one last byte (§7.3.2.3.1).
std::optional<std::uint32_t> sei_number(BitReader& reader) {
  std::uint32_t value = 0;
  for (;;) {
    const std::uint32_t byte = reader.bits(8);
    value += byte;
    if (reader.has_failed() || value > kSeiPayloadBytes) return std::nullopt;
    if (byte != 0xff) return value;
  }
}

}  // namespace

bool starts_picture(ByteSpan nal) {
  // ue(v) of 0 is a single one bit.
  return nal.size() >= 2 && (nal[1] & std::byte{0x80}) != std::byte{0};
}

std::optional<std::uint32_t> recovery_point(ByteSpan sei_nal) {
  if (sei_nal.empty()) return std::nullopt;
  BitReader reader(sei_nal.subspan(1), Emulation::kPrevented);
  for (;;) {
    const auto type = sei_number(reader);
    if (!type) return std::nullopt;
    const auto size = sei_number(reader);
    if (!size) return std::nullopt;
    if (*type == kRecoveryPoint) {
      const std::uint32_t frames = reader.unsigned_exp_golomb();
      return reader.has_failed() ? std::nullopt : std::optional(frames);
    }
    reader.skip(static_cast<int>(*size * 8));
    if (reader.has_failed()) return std::nullopt;
  }
}

}  // namespace longtake::codec::h264
