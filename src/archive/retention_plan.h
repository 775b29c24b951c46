#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "store/catalog.h"

/// What has to go, and why: arithmetic over catalog rows, no I/O.
namespace longtake::archive {

enum class DropCause : std::uint8_t { kAge, kRecordingSize, kTotalSize, kFreeSpace };
std::string_view to_string(DropCause cause);  // "age"

struct RetentionRecording {
  media::RecordingId id;
  std::optional<microseconds> keep;
  std::optional<std::uint64_t> max_size_bytes;
  std::uint64_t size_bytes = 0;  // all of it: closed segments and the open one
  std::vector<store::SegmentRow>
      oldest;  // closed segments, oldest first; as many as may go at once
};

struct RetentionQuestion {
  std::vector<RetentionRecording> recordings;
  std::optional<WallTime> now_for_age;             // nothing: age deletes nothing now
  std::uint64_t age_allowance_bytes = UINT64_MAX;  // by age at most this much now
  std::optional<std::uint64_t> max_total_bytes;
  std::uint64_t bytes_to_free = 0;  // for the free-space floor
  std::uint64_t files_to_free = 0;  // for its inodes
  std::size_t limit = SIZE_MAX;     // segments in all
};

struct Drop {
  store::SegmentRow segment;
  DropCause cause = DropCause::kAge;
};

/// In the order in which they should go: by age (the segment's end is older than `keep`), then each recording down to its
/// own size, then for the sake of all. Where space is short for all, the recording that holds the most gives its oldest
/// segment, so that all come down to the same share and one camera with a high rate cannot evict the others; of
/// recordings that hold about the same, the one with the older segment.
std::vector<Drop> plan_retention(const RetentionQuestion& question);

}  // namespace longtake::archive
