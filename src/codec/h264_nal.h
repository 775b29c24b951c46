#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

/// NAL units of H.264 (ITU-T H.264 §7.3.1), without start code or length.
namespace longtake::codec::h264 {

/// nal_unit_type, Table 7-1: those we treat by name.
enum NalType : std::uint8_t {
  kSlice = 1,
  kPartitionA = 2,
  kIdrSlice = 5,
  kSei = 6,
  kSps = 7,
  kPps = 8,
  kAccessUnitDelimiter = 9,
};

inline constexpr std::uint8_t nal_type(std::byte header) {
  return std::to_integer<std::uint8_t>(header) & 0x1fU;
}

/// A slice or slice data partition: part of a picture.
inline constexpr bool is_vcl(std::uint8_t type) { return type >= 1 && type <= 5; }

/// first_mb_in_slice == 0 of a slice or partition A: the slice that starts a picture. False when
/// the NAL unit ends before it says so.
bool starts_picture(ByteSpan nal);

/// recovery_frame_cnt of the recovery point SEI message in this SEI NAL unit (§D.1.8), if there is
/// one: 0 means that everything from here on is right, n that it is after n frames (intra refresh).
std::optional<std::uint32_t> recovery_point(ByteSpan sei_nal);

}  // namespace longtake::codec::h264
