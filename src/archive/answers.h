#pragma once

#include <string>
#include <vector>

#include "archive/archive.h"
#include "archive/reader_pool.h"
#include "archive/roster.h"
#include "archive/stored_tracks.h"
#include "archive/volume_health.h"
#include "base/clock.h"
#include "base/file_system.h"

namespace longtake::archive {

/// What the archive says when it is asked, right while things move: each answer is made of the live index, asked first,
/// and the catalog, asked second (invariant A10).
///
/// Thread     any.
/// Errors     kNotFound: no such recording or segment. kUnavailable: the catalog is not open yet, or a segment is being
///            recovered.
class Answers {
 public:
  struct Environment {
    const Volume& volume;
    Roster& roster;
    store::Store& store;
    ReaderPool& readers;
    const VolumeHealth& health;
    base::FileSystem& files;
    base::Clock& clock;
  };
  explicit Answers(Environment environment)
      : environment_(environment), tracks_(environment.files) {}

  Result<std::vector<RecordingStatus>> recordings();
  Result<RecordingStatus> recording(const std::string& name);
  Result<media::TimelineAnswer> timeline(const std::string& name, TimeRange within);
  Result<std::vector<SegmentInfo>> segments(const std::string& name, TimeRange within,
                                            std::size_t limit);
  Result<SegmentFile> open_segment(const std::string& name, media::SegmentId id);
  Result<SegmentIndexPtr> segment_index(const std::string& name, media::SegmentId id);

 private:
  /// A file that the catalog lists and nobody writes any more.
  struct Stored {
    std::unique_ptr<base::File> file;
    store::SegmentRow row;
  };
  Result<Stored> open_stored(const KnownRecording& recording, media::SegmentId id);

  /// A status on its way: what is live, to which the catalog's part is added second.
  struct Asked {
    std::shared_ptr<KnownRecording> recording;
    RecordingStatus status;
    LiveRecordingPtr live;
  };
  [[nodiscard]] Asked ask_live(std::shared_ptr<KnownRecording> recording) const;
  Result<void> add_catalog(store::CatalogReader& catalog, const store::RecordingRow* row,
                           Asked& asked);
  Result<media::TimelineAnswer> ask_timeline(store::CatalogReader& reader,
                                             const KnownRecording& recording, TimeRange within);

  Environment environment_;
  StoredTracks tracks_;
};

}  // namespace longtake::archive
