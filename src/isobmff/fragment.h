#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "isobmff/record.h"
#include "media/access_unit.h"
#include "media/fragment_index.h"

namespace longtake::isobmff {

/// One access unit as a sample; its size and whether it is a sync sample are the unit's.
struct FragmentSample {
  const media::AccessUnit* unit = nullptr;
  std::uint32_t duration_ticks = 0;     // to the next sample of the track
  std::uint32_t composition_ticks = 0;  // PTS - DTS, never negative (rule 3): at most 2^31-1
};

/// Lays out the fragments of one segment file, one after the other: record, moof, mdat header, and
/// the payload where it lies. Does no I/O: `prepare`, write `parts()` with one pwritev at
/// `end_bytes()`, then `advance`. Until then the same or another fragment may be prepared for the
/// same place, as often as need be.
///
/// The record is padded so that no record's fields and no moof + mdat header straddles a 4 KiB
/// boundary of the file (rule 4); a moof + mdat header over 3,972 bytes (240 samples with all four
/// fields said, 960 with sizes only) cannot always be placed so: it begins within the first 124
/// bytes of a page and straddles as few boundaries as it can.
///
/// Units      ticks of the fragment's track; bytes of the file.
/// Ownership  keeps ids and kinds of the tracks only. `parts()` borrows the payloads of the units
///            given to `prepare`.
/// Thread     confined to its owner's thread; takes no lock.
/// Limits     kMaxSamplesPerFragment samples, limits::kFragmentBytes of payload, kMaxFragments
///            fragments. No allocation per sample: buffers grow to the largest fragment and stay.
/// Source     ISO/IEC 14496-12 §8.8; docs/design/segments.md, rules 1, 3, 4, 7.
class FragmentBuilder {
 public:
  /// `init` is what make_init gave for `tracks` and what the file begins with.
  FragmentBuilder(media::RecordingId recording, media::SegmentId segment,
                  std::span<const media::TrackConfigPtr> tracks, ByteSpan init);

  /// `given` says track, times (media start, run offset, wall, bridge, uncertainty) and the flags
  /// off-key, damaged, event, time-uncertain. The rest follows from the samples: the entry returned
  /// is complete and equal to what a reader of the file will find. It is damaged when a unit is.
  ///
  /// Errors     kInvalidArgument: a track not in the init segment; what as_stored refuses; a video
  ///            fragment with a sync sample behind its first (more than one GOP).
  ///            kResourceExhausted: over a limit; cut earlier. On failure nothing is prepared.
  Result<media::FragmentEntry> prepare(const media::FragmentEntry& given,
                                       std::span<const FragmentSample> samples);

  /// The bytes of the fragment prepared last, in order; valid until the next `prepare`.
  [[nodiscard]] std::span<const ByteSpan> parts() const { return parts_; }

  /// The prepared fragment is in the file.
  void advance();

  /// Where the next fragment goes: the end of the init segment, or of the last fragment advanced
  /// over.
  [[nodiscard]] std::uint64_t end_bytes() const { return end_bytes_; }
  /// The CRC of the last record advanced over; before the first, that of the init segment. For
  /// make_closing.
  [[nodiscard]] std::uint32_t last_crc() const { return last_crc_; }

 private:
  [[nodiscard]] const media::TrackKind* kind_of(media::TrackId track) const;
  void finish(Record record, std::span<const FragmentSample> samples);

  struct TrackKindOf {
    media::TrackId track;
    media::TrackKind kind;
  };
  media::RecordingId recording_;
  media::SegmentId segment_;
  std::vector<TrackKindOf> tracks_;
  std::uint64_t end_bytes_;
  std::uint32_t last_crc_;
  std::uint32_t next_number_ = 1;

  Record prepared_;  // number 0: nothing is prepared
  Bytes record_;
  Bytes moof_;  // and the mdat header
  std::vector<ByteSpan> parts_;
};

/// The size of the record (padding included) of a fragment written at `offset_bytes`: rule 4.
/// `head_bytes` is moof and mdat header, `data_bytes` what follows them.
std::uint32_t padded_record_bytes(std::uint64_t offset_bytes, std::uint64_t head_bytes,
                                  std::uint64_t data_bytes);

}  // namespace longtake::isobmff
