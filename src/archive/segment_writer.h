#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "archive/pending_fragment.h"
#include "base/file_system.h"
#include "base/result.h"
#include "isobmff/fragment.h"
#include "media/fragment_index.h"

namespace longtake::archive {

/// Writes one segment file: init, fragments, and at an orderly close summary and mfra.
///
/// Nothing here syncs: durability is the committer's, for all files of a volume at once (invariants A3, A4).
///
/// Units      bytes of the file; media times are moved so that the file's first fragment is at 0 on its own track, and
///            the other tracks by the same distance. What would lie before 0 (an audio frame that straddles the cut) is 0.
/// Ownership  borrows the file system; owns the file.
/// Thread     the writer's; `file()` and `path()` also the committer's, for start_write_back, sync_data and sync.
/// Limits     blocks are reserved ahead, max(4 MiB, 10 s of this segment's own rate) at a time; given back by `finish`.
/// Errors     after a failed write the file is as long as it was before for everybody who trusts `index().end_bytes()`;
///            the same fragment may be written again at the same place, or the file be left.
class SegmentWriter {
 public:
  /// The file is new, of that name and no other (O_EXCL): kAlreadyExists otherwise. On failure nothing is left of it,
  /// as far as the disk lets us.
  static Result<std::unique_ptr<SegmentWriter>> create(base::FileSystem& files, std::string path,
                                                       media::RecordingId recording,
                                                       media::SegmentId segment,
                                                       const PendingFragment& first);

  /// Whether `prepare` refused the fragment, which then never will fit, or the disk did not take it.
  enum class Culprit { kNone, kFragment, kDisk };
  struct Outcome {
    Culprit culprit = Culprit::kNone;
    Result<void> result;
  };
  /// One pwritev. On success `index()` has one more entry.
  Outcome append(const PendingFragment& fragment);

  /// Summary, mfra, and the reserve given back. Where the disk has no room for them the file ends with its last
  /// fragment, which is as whole as any that a crash left.
  Result<void> finish();

  [[nodiscard]] const media::FragmentIndex& index() const { return index_; }
  [[nodiscard]] std::uint64_t size_bytes() const {
    return size_bytes_;
  }  // with summary and mfra, once finished
  /// Finished, and its summary is there: not where the disk had no room for it.
  [[nodiscard]] bool has_summary() const { return has_summary_; }
  [[nodiscard]] base::File& file() { return *file_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// The file system cannot reserve: said once, by whoever owns many of us.
  [[nodiscard]] bool is_reserve_unsupported() const { return is_reserve_unsupported_; }

 private:
  SegmentWriter(std::unique_ptr<base::File> file, std::string path, media::FragmentIndex index,
                Bytes init, const PendingFragment& first);
  Result<void> reserve_for(std::uint64_t end_bytes);
  [[nodiscard]] media::FragmentEntry place(const PendingFragment& fragment) const;
  [[nodiscard]] const media::TrackConfig* track_of(media::TrackId id) const;

  std::unique_ptr<base::File> file_;
  std::string path_;
  media::FragmentIndex index_;
  Bytes init_;
  isobmff::FragmentBuilder builder_;
  std::vector<isobmff::FragmentSample>
      samples_;  // of the fragment being written; kept for its capacity

  std::int64_t origin_ticks_;  // run ticks of the first fragment, in its track's timescale
  std::uint32_t origin_timescale_hz_ = 1;
  microseconds origin_position_;  // the same on the run's clock
  microseconds written_duration_{
      0};  // run time from the first fragment's start to the last one's end
  std::uint64_t size_bytes_ = 0;
  std::uint64_t reserved_bytes_ = 0;
  bool is_reserve_unsupported_ = false;
  bool has_summary_ = false;
};

}  // namespace longtake::archive
