#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/h264_sps.h"
#include "media/track.h"

namespace longtake::codec::h264 {

/// The parameter sets a stream uses now, one for each id, as they came.
///
/// Ownership  keeps copies.
/// Limits     32 SPS, 256 PPS, together limits::kParameterSetBytes; what is beyond is refused.
/// Errors     a set that cannot be read is refused and changes nothing: the stream's bytes are kept
///            anyway.
class ParameterSets {
 public:
  enum class Change : std::uint8_t { kNone, kChanged, kRefused };

  /// Takes a NAL unit of type SPS or PPS.
  Change add_sps(ByteSpan nal);
  Change add_pps(ByteSpan nal);

  /// Both kinds are known: a decoder can start.
  [[nodiscard]] bool is_complete() const { return active_.has_value() && !pps_.empty(); }
  /// The SPS that came last.
  [[nodiscard]] const std::optional<Sps>& active() const { return active_; }

  /// AVCDecoderConfigurationRecord with 4-byte lengths (ISO/IEC 14496-15 §5.3.3.1). Only when
  /// complete.
  [[nodiscard]] Bytes decoder_config() const;
  /// The track as these sets describe it. Only when complete.
  [[nodiscard]] media::TrackConfigPtr track_config(media::TrackId track,
                                                   std::uint32_t timescale_hz) const;

 private:
  struct Entry {
    std::uint32_t id = 0;
    Bytes nal;
  };
  Change store(std::vector<Entry>& entries, std::uint32_t id, ByteSpan nal, std::size_t most);

  std::vector<Entry> sps_;  // by id
  std::vector<Entry> pps_;  // by id
  std::size_t total_bytes_ = 0;
  std::optional<Sps> active_;
};

/// RFC 6381 §3.3: "avc1.64001f".
std::string codec_string(const Sps& sps);

}  // namespace longtake::codec::h264
