#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "archive/recording_writer.h"

namespace longtake::archive {

/// One segment between its making and the day the catalog lists it. Inner to RecordingWriter: guarded by its lock,
/// except that `writer`'s file calls are made outside it.
///
///     kWriting ──finish──► kFinished ──synced──► kClosed ──listed──► (gone)
///        └──────failed──────┴──► kFailed ──► kAbandoned ──cut at its durable end──► kClosed, or removed
struct RecordingWriter::Segment {
  enum class Phase { kWriting, kFinished, kFailed, kAbandoned, kClosed };

  /// A fragment in the file and not yet durable.
  struct Retained {
    PendingFragment fragment;
    std::uint64_t end_bytes = 0;
    bool is_covering = false;
    bool is_released = false;  // its samples were given up: lost if the disk fails now

    [[nodiscard]] microseconds duration() const {
      return is_covering ? fragment.bridge + fragment.wall_duration : microseconds(0);
    }
  };

  media::SegmentId id;
  std::string day;
  std::string path;
  Phase phase = Phase::kWriting;
  std::shared_ptr<SegmentWriter> writer;
  std::shared_ptr<const media::FragmentIndex> index;  // of what may be read
  std::uint64_t written_bytes = 0;                    // end of the last whole fragment
  std::uint64_t size_bytes = 0;                       // once finished: with summary and mfra
  bool has_summary = false;                           // as recovery would find it
  std::uint64_t durable_bytes = 0;           // 0 until the first commit; then a fragment's end
  std::vector<std::string> folders_to_sync;  // in which its name, or its folder's, is new
  std::deque<Retained> retained;
};

}  // namespace longtake::archive
