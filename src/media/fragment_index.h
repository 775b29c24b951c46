#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "media/track.h"

/// What a segment file says of itself, fragment by fragment: the same whether it comes from the writer's memory
/// (live index), from a summary box, or from walking the records.
namespace longtake::media {

/// A recording's random id: 16 lower-case hex digits on disk, 64 bits here.
struct RecordingId {
  std::uint64_t value = 0;
  friend auto operator<=>(const RecordingId&, const RecordingId&) = default;
};
std::string to_string(RecordingId id);
std::optional<RecordingId> recording_id_from(std::string_view text);

/// One run of one recording: a stretch with one time base. From a counter persisted at each start of the program
/// (upper bits: the start, lower 24: runs begun since), never from the catalog, so that it never repeats.
struct RunId {
  std::uint64_t value = 0;
  friend auto operator<=>(const RunId&, const RunId&) = default;
};

/// Names a segment within its recording: "RUN-SEQ", e.g. "5000003-12"; also its file name without ".mp4".
struct SegmentId {
  RunId run;
  std::uint32_t sequence = 0;  // within the run, from 1
  friend auto operator<=>(const SegmentId&, const SegmentId&) = default;
};
std::string to_string(SegmentId id);
std::optional<SegmentId> segment_id_from(std::string_view text);

/// One fragment (record + moof + mdat) of a segment.
struct FragmentEntry {
  std::uint64_t offset_bytes = 0;  // of its record box within the file
  std::uint32_t head_bytes = 0;    // record + moof + mdat header
  std::uint32_t size_bytes = 0;    // all of it: the next fragment begins at offset + size
  TrackId track = 0;
  std::uint32_t sample_count = 0;
  std::int64_t media_start_ticks = 0;  // tfdt: from 0 in each file, track timescale
  std::int64_t duration_ticks = 0;
  std::int64_t run_offset_us = 0;  // of its start from the run's start, on the monotonic clock
  WallTime wall_start;             // of its first presented moment
  microseconds wall_duration{0};
  /// Time before `wall_start` that counts as covered: a hole below the threshold is jitter (DESIGN §6).
  microseconds bridge{0};
  microseconds wall_uncertainty{0};
  bool is_sync = false;     // begins with a sync sample
  bool is_off_key = false;  // first video fragment of a segment that had to be cut off a key frame
  bool is_damaged = false;
  bool is_event = false;
  bool is_time_uncertain =
      false;  // spaced by smoothed receipt: the media clock's rate cannot be right
  std::int64_t composition_ticks = 0;  // PTS - DTS of its first sample, track timescale, >= 0
  std::uint32_t record_bytes = 0;      // of the record box: moof begins at offset + record

  [[nodiscard]] TimeRange covered() const {
    return {wall_start - bridge, wall_start + wall_duration};
  }
  friend bool operator==(const FragmentEntry&, const FragmentEntry&) = default;
};

/// The whole fragments of one segment, in file order.
struct FragmentIndex {
  RecordingId recording;
  SegmentId segment;
  std::vector<TrackConfigPtr> tracks;
  std::uint64_t init_bytes = 0;  // ftyp + moov; the first fragment begins here
  std::vector<FragmentEntry> fragments;

  /// End of the last whole fragment: what may be read of an open file.
  [[nodiscard]] std::uint64_t end_bytes() const;
  /// What is covered: by video, or by audio where the segment has no video track.
  [[nodiscard]] std::vector<TimeRange> spans() const;
};

}  // namespace longtake::media
