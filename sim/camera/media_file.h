#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace longtake::camsim {

/// One coded picture of a media file, as the file holds it.
struct Picture {
  std::vector<ByteSpan> nal_units;  // without start codes; borrow the bytes of their MediaFile
  bool is_key = false;
  std::int32_t reorder = 0;  // presentation position minus decode position, in picture durations
};

/// AAC as ADTS delivers it.
struct AudioTrack {
  std::uint32_t rate_hz = 0;
  std::uint32_t channels = 0;
  Bytes config;               // AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1
  std::vector<Bytes> frames;  // raw data blocks without ADTS headers, 1024 samples each
};

/// A looped test picture source: an Annex B H.264 file, perhaps with an ADTS file beside it.
///
/// Ownership  owns the file's bytes; the pictures borrow them, so it is neither copied nor moved.
/// Limits     256 MiB a file.
/// Errors     kInvalidArgument names the file and what is wrong with it.
/// Source     ITU-T H.264 Annex B and §7.4.1.2.4; ISO/IEC 13818-7 §6.2.
class MediaFile {
 public:
  /// `FILE.pts` beside `FILE.h264`, when it is there, holds a presentation position per picture, in
  /// decode order.
  static Result<std::shared_ptr<const MediaFile>> load(const std::string& video_path,
                                                       const std::string& audio_path);
  /// The GOPs of two files in turn, with the first one's audio: parameter sets that change at every
  /// key frame.
  static std::shared_ptr<const MediaFile> alternate(std::shared_ptr<const MediaFile> first,
                                                    std::shared_ptr<const MediaFile> second);

  MediaFile() = default;
  MediaFile(const MediaFile&) = delete;
  MediaFile& operator=(const MediaFile&) = delete;

  std::string name;
  std::vector<Picture> pictures;  // never empty; the first is a key picture
  ByteSpan sps;                   // the first of each in the file
  ByteSpan pps;
  std::optional<AudioTrack> audio;

 private:
  Bytes bytes_;
  std::vector<std::shared_ptr<const MediaFile>> parts_;  // keeps alive what alternate() borrows
};

using MediaFilePtr = std::shared_ptr<const MediaFile>;

/// NAL unit types of ITU-T H.264 table 7-1 that a camera must tell apart.
enum class NalType : std::uint8_t { kSlice = 1, kIdr = 5, kSei = 6, kSps = 7, kPps = 8, kAud = 9 };

inline std::uint8_t nal_type_of(ByteSpan nal) {
  return nal.empty() ? std::uint8_t{0} : std::uint8_t(std::to_integer<unsigned>(nal[0]) & 0x1FU);
}
inline bool is_slice(ByteSpan nal) {
  return nal_type_of(nal) >= static_cast<std::uint8_t>(NalType::kSlice) &&
         nal_type_of(nal) <= static_cast<std::uint8_t>(NalType::kIdr);
}
inline bool is(ByteSpan nal, NalType type) {
  return nal_type_of(nal) == static_cast<std::uint8_t>(type);
}

/// Splits an Annex B byte stream at its start codes.
std::vector<ByteSpan> split_annex_b(ByteSpan stream);

}  // namespace longtake::camsim
