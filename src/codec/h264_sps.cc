#include "codec/h264_sps.h"

#include <algorithm>
#include <array>

#include "codec/bit_reader.h"
#include "codec/h264_nal.h"

namespace longtake::codec::h264 {

namespace {

constexpr std::uint32_t kMaxSamples =
    16'384;  // width or height; level 6.2 ends at 8192x4320 and 16,880 wide
constexpr std::uint32_t kMaxReorderFrames = 16;

// §7.3.2.1.1: profiles whose SPS carries chroma format, bit depths and scaling lists.
constexpr std::array<std::uint8_t, 13> kHighProfiles = {100, 110, 122, 244, 44,  83, 86,
                                                        118, 128, 138, 139, 134, 135};

void skip_scaling_list(BitReader& reader, int size) {
  std::int32_t last = 8;
  std::int32_t next = 8;
  for (int i = 0; i < size && !reader.has_failed(); ++i) {
    if (next != 0) next = (last + reader.signed_exp_golomb() % 256 + 256) % 256;
    if (next != 0) last = next;
  }
}

void skip_scaling_matrix(BitReader& reader, std::uint32_t chroma_format_idc) {
  const int lists = chroma_format_idc == 3 ? 12 : 8;
  for (int i = 0; i < lists; ++i) {
    if (reader.flag()) skip_scaling_list(reader, i < 6 ? 16 : 64);
  }
}

void skip_hrd(BitReader& reader) {
  const std::uint32_t count = reader.unsigned_exp_golomb() + 1;
  reader.skip(8);  // bit_rate_scale, cpb_size_scale
  for (std::uint32_t i = 0; i < std::min(count, 32U); ++i) {
    reader.unsigned_exp_golomb();
    reader.unsigned_exp_golomb();
    reader.flag();
  }
  reader.skip(20);  // four lengths of five bits
}

/// VUI up to max_num_reorder_frames (§E.1.1). A VUI that is cut off says nothing: some encoders end
/// the SPS early.
std::optional<std::uint32_t> reorder_frames_of_vui(BitReader& reader) {
  constexpr std::uint32_t kExtendedSar = 255;
  if (reader.flag() && reader.bits(8) == kExtendedSar) reader.skip(32);
  if (reader.flag()) reader.flag();  // overscan
  if (reader.flag()) {               // video signal type
    reader.skip(4);
    if (reader.flag()) reader.skip(24);
  }
  if (reader.flag()) {  // chroma location
    reader.unsigned_exp_golomb();
    reader.unsigned_exp_golomb();
  }
  if (reader.flag()) reader.skip(65);  // timing: never believed (CAM-19)
  const bool has_nal_hrd = reader.flag();
  if (has_nal_hrd) skip_hrd(reader);
  const bool has_vcl_hrd = reader.flag();
  if (has_vcl_hrd) skip_hrd(reader);
  if (has_nal_hrd || has_vcl_hrd) reader.flag();
  reader.flag();  // pic_struct_present
  if (!reader.flag()) return std::nullopt;
  reader.flag();  // motion_vectors_over_pic_boundaries
  for (int i = 0; i < 4; ++i) reader.unsigned_exp_golomb();
  const std::uint32_t reorder = reader.unsigned_exp_golomb();
  if (reader.has_failed() || reorder > kMaxReorderFrames) return std::nullopt;
  return reorder;
}

bool read_chroma(BitReader& reader, Sps& sps) {
  if (std::ranges::find(kHighProfiles, sps.profile_idc) == kHighProfiles.end()) return true;
  sps.chroma_format_idc = reader.unsigned_exp_golomb();
  if (sps.chroma_format_idc > 3) return false;
  if (sps.chroma_format_idc == 3) reader.flag();  // separate_colour_plane
  sps.bit_depth_luma = reader.unsigned_exp_golomb() + 8;
  sps.bit_depth_chroma = reader.unsigned_exp_golomb() + 8;
  if (sps.bit_depth_luma > 14 || sps.bit_depth_chroma > 14) return false;
  reader.flag();  // qpprime_y_zero_transform_bypass
  if (reader.flag()) skip_scaling_matrix(reader, sps.chroma_format_idc);
  return true;
}

bool read_picture_order(BitReader& reader, Sps& sps) {
  reader.unsigned_exp_golomb();  // log2_max_frame_num_minus4
  sps.poc_type = reader.unsigned_exp_golomb();
  if (sps.poc_type > 2) return false;
  if (sps.poc_type == 0) {
    reader.unsigned_exp_golomb();
  } else if (sps.poc_type == 1) {
    reader.flag();
    reader.signed_exp_golomb();
    reader.signed_exp_golomb();
    const std::uint32_t cycle = reader.unsigned_exp_golomb();
    if (cycle > 255) return false;
    for (std::uint32_t i = 0; i < cycle; ++i) reader.signed_exp_golomb();
  }
  return true;
}

/// Width and height in samples after cropping (§7.4.2.1.1).
bool read_dimensions(BitReader& reader, Sps& sps) {
  const std::uint64_t width_mbs = std::uint64_t{reader.unsigned_exp_golomb()} + 1;
  const std::uint64_t height_units = std::uint64_t{reader.unsigned_exp_golomb()} + 1;
  sps.frame_mbs_only = reader.flag();
  if (!sps.frame_mbs_only) reader.flag();  // mb_adaptive_frame_field
  reader.flag();                           // direct_8x8_inference
  if (reader.has_failed() || width_mbs * 16 > kMaxSamples || height_units * 32 > 2 * kMaxSamples) {
    return false;
  }
  const std::uint64_t fields = sps.frame_mbs_only ? 1 : 2;
  std::uint64_t width = width_mbs * 16;
  std::uint64_t height = height_units * 16 * fields;
  if (reader.flag()) {
    const std::uint64_t unit_x = sps.chroma_format_idc == 1 || sps.chroma_format_idc == 2 ? 2 : 1;
    const std::uint64_t unit_y = (sps.chroma_format_idc == 1 ? 2 : 1) * fields;
    std::uint64_t crop_x = std::uint64_t{reader.unsigned_exp_golomb()};
    crop_x = (crop_x + reader.unsigned_exp_golomb()) * unit_x;
    std::uint64_t crop_y = std::uint64_t{reader.unsigned_exp_golomb()};
    crop_y = (crop_y + reader.unsigned_exp_golomb()) * unit_y;
    if (crop_x >= width || crop_y >= height) return false;
    width -= crop_x;
    height -= crop_y;
  }
  sps.width = static_cast<std::uint32_t>(width);
  sps.height = static_cast<std::uint32_t>(height);
  return height <= kMaxSamples;
}

}  // namespace

Result<Sps> parse_sps(ByteSpan nal) {
  const auto refuse = [](const char* what) {
    return fail(ErrorCode::kInvalidArgument, std::string("H.264 SPS: ") + what);
  };
  if (nal.size() < 4 || nal_type(nal[0]) != kSps) return refuse("not an SPS NAL unit");
  BitReader reader(nal.subspan(1), Emulation::kPrevented);
  Sps sps;
  sps.profile_idc = static_cast<std::uint8_t>(reader.bits(8));
  sps.constraint_flags = static_cast<std::uint8_t>(reader.bits(8));
  sps.level_idc = static_cast<std::uint8_t>(reader.bits(8));
  sps.id = reader.unsigned_exp_golomb();
  if (reader.has_failed() || sps.id > 31) return refuse("id outside 0 to 31");
  if (!read_chroma(reader, sps)) return refuse("chroma format or bit depth out of range");
  if (!read_picture_order(reader, sps)) return refuse("picture order count out of range");
  reader.unsigned_exp_golomb();  // max_num_ref_frames
  reader.flag();                 // gaps_in_frame_num_value_allowed
  if (!read_dimensions(reader, sps)) return refuse("width or height out of range");
  const bool has_vui = reader.flag();
  if (reader.has_failed()) return refuse("cut off");
  if (has_vui) sps.max_num_reorder_frames = reorder_frames_of_vui(reader);
  return sps;
}

}  // namespace longtake::codec::h264
