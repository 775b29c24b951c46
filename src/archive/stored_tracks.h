#pragma once

#include <map>
#include <vector>

#include "archive/media_scan.h"
#include "base/file_system.h"
#include "base/mutex.h"
#include "media/track.h"
#include "store/catalog.h"

namespace longtake::archive {

/// The tracks of recordings that have sent nothing in this life: those of the newest segment on the disk, read from its
/// init and remembered until there is a newer one.
///
/// Thread     any; the lock is held across no file call.
/// Limits     one entry a recording; a question reads one page of one file, mostly none.
class StoredTracks {
 public:
  explicit StoredTracks(base::FileSystem& files) : files_(files) {}

  /// `last` is the end of the newest footage, as the recording's row has it. Empty where it cannot be read: `check` says
  /// why, and the next question tries again.
  std::vector<media::TrackConfigPtr> of(store::CatalogReader& catalog,
                                        const RecordingFolder& recording, WallTime last);

 private:
  struct Known {
    WallTime last;
    std::vector<media::TrackConfigPtr> tracks;
  };
  Result<std::vector<media::TrackConfigPtr>> read(store::CatalogReader& catalog,
                                                  const RecordingFolder& recording, WallTime last);

  base::FileSystem& files_;
  base::Mutex mutex_;
  std::map<media::RecordingId, Known> known_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
