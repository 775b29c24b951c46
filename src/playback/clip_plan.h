#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "media/grant.h"

namespace longtake::playback {

/// One fragment in a clip: where its bytes are, and when it plays.
struct ClipFragment {
  std::uint64_t offset_bytes = 0;   // of its record within the file
  std::uint64_t payload_start = 0;  // of its samples within the clip's mdat payload
  std::int64_t start_ticks = 0;     // decode time on the clip's track, which begins at 0
  std::int64_t end_ticks = 0;       // where the next one begins
  std::uint32_t segment = 0;        // of ClipPlan::segments
  std::uint32_t record_bytes = 0;
  std::uint32_t head_bytes = 0;
  std::uint32_t size_bytes = 0;
  std::uint32_t sample_count = 0;
  std::uint32_t first_sample = 0;  // its number on the track, from 0
  std::uint32_t sync_before = 0;   // sync fragments of the track before it
  bool is_sync = false;

  [[nodiscard]] std::uint32_t payload_bytes() const { return size_bytes - head_bytes; }
};

struct ClipTrack {
  media::TrackConfigPtr config;
  std::vector<std::uint32_t> fragments;  // of ClipPlan::fragments
  std::uint32_t sample_count = 0;
  std::uint32_t sync_count = 0;
  bool has_composition = false;
  // The edit list: silence first, then the media from `media_start_ticks` on.
  microseconds empty{0};
  std::int64_t media_start_ticks = 0;
};

/// Everything that is known of a clip before its first byte is sent.
struct ClipPlan {
  std::vector<media::SegmentId> segments;
  std::vector<ClipFragment> fragments;  // in the order of the clip's mdat
  std::vector<ClipTrack> tracks;        // the picture first
  TimeRange range;                      // of its first and last moment
  microseconds duration{0};             // without the gaps
  std::vector<TimeRange> gaps;          // skipped
  std::uint64_t payload_bytes = 0;
  std::string etag;  // names this content
};

/// What stands in the way of one clip: the parameters change inside the range. Each of these works.
struct ClipConflict {
  std::vector<TimeRange> ranges;
};

/// Plans the clip of `within`: from its first picture exactly, gaps skipped, tracks in step again behind each.
///
/// Limits     limits::kPlaylistSpan; 60 bytes of memory a fragment: 10 MiB for a day.
/// Errors     kInvalidArgument: a range that is empty or too long. kNotFound: nothing recorded there.
///            kFailedPrecondition: the parameters change; `conflict` says where.
/// Source     docs/design/playback.md, "Clips".
Result<ClipPlan> plan_clip(archive::Archive& archive, const media::ReadGrant& grant,
                           TimeRange within, ClipConflict& conflict);

}  // namespace longtake::playback
