#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace longtake::camsim {

/// The stamp in every picture the simulated camera sends; tests/oracle.py reads it back from
/// recorded segments.
///
/// A user_data_unregistered SEI of its own NAL unit, before the first slice. After the 16-byte UUID
/// "longtake-camsim1": picture number u64, wall time u64, RTP timestamp u32, camera u32; all
/// big-endian, with emulation prevention bytes where they are needed.
///
/// Source     ITU-T H.264 §7.3.2.3, Annex D.1.6.
struct PictureMark {
  std::uint64_t number = 0;  // of this camera since the simulator started, watched or not
  std::chrono::microseconds wall_time{};  // UTC since 1970 at which the picture was taken
  std::uint32_t rtp_timestamp = 0;        // as sent
  std::uint32_t camera = 0;               // CRC-32C of the path's name

  friend bool operator==(const PictureMark&, const PictureMark&) = default;
};

/// The SEI NAL unit, header byte included.
Bytes mark_nal_unit(const PictureMark& mark);
/// Nothing when the NAL unit is another one.
std::optional<PictureMark> read_mark(ByteSpan nal_unit);

}  // namespace longtake::camsim
