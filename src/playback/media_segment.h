#pragma once

#include <memory>

#include "archive/archive.h"
#include "media/grant.h"
#include "playback/body.h"
#include "playback/index_cache.h"

namespace longtake::playback {

/// Names a media segment: the fragments of one track of one run that start in a range of wall time.
struct MediaAddress {
  media::RunId run;
  media::TrackId track = 0;
  TimeRange range;

  /// "5000003", "1", "1769860800000000-1769860803000000" (microseconds since 1970).
  static std::optional<MediaAddress> from(std::string_view run, std::string_view track,
                                          std::string_view range);
};

/// Its bytes: moof and mdat of each fragment as they lie in the files, without records, each `tfdt` moved to UTC: one
/// time line through files, runs and days.
///
/// Units      tfdt = wall time in ticks since 1970, less the delay of the GOP's pictures (its first one's composition
///            offset).
/// Limits     limits::kPlaylistSegmentSpan.
/// Errors     kNotFound: no such media, or no longer; for video also a range that does not begin with a GOP.
///            kDataLoss: a moof that is not ours.
/// Source     ISO/IEC 14496-12 §8.8.12; DESIGN §10; docs/design/playback.md, "Media segments".
Result<std::shared_ptr<Body>> make_media_segment(archive::Archive& archive, IndexCache& cache,
                                                 const media::ReadGrant& grant,
                                                 const MediaAddress& address);

/// Sets the decode time of a moof that has one track. kDataLoss when it is not as FragmentBuilder writes it.
Result<void> set_decode_time(std::span<std::byte> moof, std::uint64_t ticks);

/// `time` in ticks since 1970, rounded to the nearest.
std::int64_t utc_ticks(WallTime time, std::uint32_t timescale_hz);

}  // namespace longtake::playback
