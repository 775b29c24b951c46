#pragma once

#include <functional>

#include "archive/media_scan.h"
#include "base/file_system.h"
#include "store/catalog_rebuild.h"

/// What media files tell the catalog: media's half of catalog = f(media, ledger).
namespace longtake::archive {

/// Decides which files are told of; empty: all.
using SegmentFilter = std::function<bool(const RecordingFolder&, const SegmentPath&)>;

/// Tells RecordingCreated for each recording, and for each of its segment files SegmentClosed, by its summary or, where
/// recovery had to cut it, by its records. A file without a summary that no recovery has settled is still open:
/// SegmentOpened. What holds no footage, or cannot be read, tells nothing; `longtake check` names it.
///
/// Limits     reads the summary, the init segment and one record of a closed file: three reads.
/// Errors     those of listing folders; kCancelled when `take` says stop.
/// Source     docs/design/archive.md, "Rebuild".
Result<void> tell_media_facts(base::FileSystem& files, const store::FactTaker& take,
                              const SegmentFilter& filter = {});

}  // namespace longtake::archive
