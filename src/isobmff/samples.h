#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/track.h"

/// Reading a fragment's samples back from its head: for clips, playlists and checks.
namespace longtake::isobmff {

struct Sample {
  std::uint64_t offset_bytes = 0;  // from the start of the record: add FragmentEntry::offset_bytes
  std::uint32_t size_bytes = 0;
  std::uint32_t duration_ticks = 0;
  std::int64_t decode_ticks = 0;       // DTS from 0 in the file
  std::int64_t composition_ticks = 0;  // PTS - DTS, >= 0
  bool is_sync = false;
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// What moof and the mdat header say.
struct MovieFragment {
  std::uint32_t sequence = 0;  // mfhd
  media::TrackId track = 0;
  std::int64_t decode_ticks = 0;  // tfdt
  /// Of tfdt's 64-bit time from the start of the record: the eight bytes to patch when fragments
  /// are served.
  std::size_t decode_time_position = 0;
  std::uint32_t mdat_bytes = 0;  // header included
  std::vector<Sample> samples;   // they fill mdat, in order
};

/// Reads the head of a fragment: its first `FragmentEntry::head_bytes` bytes, record included.
///
/// Limits     kMaxSamplesPerFragment samples.
/// Errors     kDataLoss: not the head of one of our fragments, or its samples do not fill its mdat.
Result<MovieFragment> read_samples(ByteSpan head);

}  // namespace longtake::isobmff
