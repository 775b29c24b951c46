#include "codec/h264_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "codec/bit_reader.h"
#include "codec/h264_nal.h"

namespace longtake::codec::h264 {

namespace {

constexpr std::size_t kMostSps = 31;   // the record counts them in 5 bits
constexpr std::size_t kMostPps = 255;  // and these in 8
constexpr std::size_t kMostNalBytes = 65'535;

/// ISO/IEC 14496-15 §5.3.3.1.2: these profiles carry chroma format and bit depths behind the sets.
bool has_high_fields(std::uint8_t profile_idc) {
  return profile_idc == 100 || profile_idc == 110 || profile_idc == 122 || profile_idc == 144 ||
         profile_idc == 244;
}

}  // namespace

ParameterSets::Change ParameterSets::store(std::vector<Entry>& entries, std::uint32_t id,
                                           ByteSpan nal, std::size_t most) {
  const auto at = std::ranges::lower_bound(entries, id, {}, &Entry::id);
  const bool is_known = at != entries.end() && at->id == id;
  if (is_known && std::ranges::equal(at->nal, nal)) return Change::kNone;
  const std::size_t freed = is_known ? at->nal.size() : 0;
  if (nal.size() > kMostNalBytes ||
      total_bytes_ - freed + nal.size() > limits::kParameterSetBytes ||
      (!is_known && entries.size() >= most)) {
    return Change::kRefused;
  }
  total_bytes_ = total_bytes_ - freed + nal.size();
  if (is_known) {
    at->nal.assign(nal.begin(), nal.end());
  } else {
    entries.insert(at, Entry{id, Bytes(nal.begin(), nal.end())});
  }
  return Change::kChanged;
}

ParameterSets::Change ParameterSets::add_sps(ByteSpan nal) {
  // The usual case is a repetition before each key frame: compared, not parsed.
  if (active_) {
    const auto at = std::ranges::lower_bound(sps_, active_->id, {}, &Entry::id);
    if (at != sps_.end() && std::ranges::equal(at->nal, nal)) return Change::kNone;
  }
  auto sps = parse_sps(nal);
  if (!sps) return Change::kRefused;
  const Change change = store(sps_, sps->id, nal, kMostSps);
  if (change == Change::kRefused) return change;
  active_ = *sps;
  // A known set that becomes active again may change the picture's size.
  return Change::kChanged;
}

ParameterSets::Change ParameterSets::add_pps(ByteSpan nal) {
  if (nal.size() < 2 || nal_type(nal[0]) != kPps) return Change::kRefused;
  BitReader reader(nal.subspan(1), Emulation::kPrevented);
  const std::uint32_t id = reader.unsigned_exp_golomb();
  if (reader.has_failed() || id > 255) return Change::kRefused;
  return store(pps_, id, nal, kMostPps);
}

Bytes ParameterSets::decoder_config() const {
  LT_CHECK(is_complete());
  Bytes out;
  ByteWriter writer(out);
  writer.u8(1).u8(active_->profile_idc).u8(active_->constraint_flags).u8(active_->level_idc);
  writer.u8(0xff);  // reserved bits, lengths of 4 bytes
  writer.u8(static_cast<std::uint8_t>(0xe0U | sps_.size()));
  for (const Entry& entry : sps_)
    writer.u16(static_cast<std::uint16_t>(entry.nal.size())).bytes(entry.nal);
  writer.u8(static_cast<std::uint8_t>(pps_.size()));
  for (const Entry& entry : pps_)
    writer.u16(static_cast<std::uint16_t>(entry.nal.size())).bytes(entry.nal);
  if (has_high_fields(active_->profile_idc)) {
    writer.u8(static_cast<std::uint8_t>(0xfcU | active_->chroma_format_idc));
    writer.u8(static_cast<std::uint8_t>(0xf8U | (active_->bit_depth_luma - 8)));
    writer.u8(static_cast<std::uint8_t>(0xf8U | (active_->bit_depth_chroma - 8)));
    writer.u8(0);  // no SPS extensions
  }
  return out;
}

media::TrackConfigPtr ParameterSets::track_config(media::TrackId track,
                                                  std::uint32_t timescale_hz) const {
  LT_CHECK(is_complete());
  auto config = std::make_shared<media::TrackConfig>();
  config->track = track;
  config->kind = media::TrackKind::kVideo;
  config->codec = media::Codec::kH264;
  config->timescale_hz = timescale_hz;
  config->decoder_config = decoder_config();
  config->codec_string = codec_string(*active_);
  config->width = active_->width;
  config->height = active_->height;
  config->reorder_depth =
      active_->forbids_reordering() ? 0 : active_->max_num_reorder_frames.value_or(0);
  return config;
}

std::string codec_string(const Sps& sps) {
  return fmt::format("avc1.{:02x}{:02x}{:02x}", sps.profile_idc, sps.constraint_flags,
                     sps.level_idc);
}

}  // namespace longtake::codec::h264
