#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace longtake::codec::h264 {

/// What a recorder needs of a sequence parameter set.
struct Sps {
  std::uint8_t profile_idc = 0;
  std::uint8_t constraint_flags =
      0;  // constraint_set0..5 and the two reserved bits, as in the stream
  std::uint8_t level_idc = 0;
  std::uint32_t id = 0;  // 0..31
  std::uint32_t chroma_format_idc = 1;
  std::uint32_t bit_depth_luma = 8;
  std::uint32_t bit_depth_chroma = 8;
  std::uint32_t width = 0;  // pixels after cropping, never 0
  std::uint32_t height = 0;
  std::uint32_t poc_type = 0;
  bool frame_mbs_only = true;  // no fields: a picture is a frame
  /// VUI max_num_reorder_frames; nothing where the SPS is silent.
  std::optional<std::uint32_t> max_num_reorder_frames;

  /// Output order is decode order, by the standard and not by the encoder's word: POC type 2
  /// (§8.2.1.3), and the Baseline profile, which has no B slices.
  [[nodiscard]] bool forbids_reordering() const { return poc_type == 2 || profile_idc == 66; }
};

/// Parses one SPS NAL unit, header byte included, emulation prevention in place.
/// Errors     kInvalidArgument: no SPS, cut off, or with values outside the standard.
/// Source     ITU-T H.264 §7.3.2.1.1, §E.1.1.
Result<Sps> parse_sps(ByteSpan nal);

}  // namespace longtake::codec::h264
