#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/file_system.h"
#include "store/fact.h"

/// Makes the catalog anew from media and ledger, and puts it in place.
namespace longtake::store {

/// Takes one fact; false: stop, the answer is no longer wanted.
using FactTaker = std::function<bool(const Fact&)>;
/// Media's part: calls its argument with every fact that media files tell, in any order: RecordingCreated, SegmentClosed
/// for what is whole or recovered, SegmentOpened for what is still open.
using MediaFacts = std::function<Result<void>(const FactTaker&)>;

struct RebuildProgress {
  std::uint64_t ledger_facts = 0;
  std::uint64_t media_facts = 0;
};

struct RebuildOptions {
  std::string ledger_folder = "ledger";
  std::uint64_t up_to_sequence = UINT64_MAX;  // of the ledger; what follows is applied afterwards
  MediaFacts media_facts = {};                // none: from the ledger alone
  std::function<void(const RebuildProgress&)> progress =
      {};  // after each transaction; may be empty
  std::stop_token stop = {};
};

/// Builds into `new_path`, which is removed first: the last whole snapshot, the ledger behind it, then media (which
/// outranks it). 10,000 facts a transaction. Durable when it returns.
/// Errors: kCancelled when stopped; those of SQLite, of the ledger's folder and of `media_facts`.
Result<RebuildProgress> build_catalog(base::FileSystem& ledger_files, const std::string& new_path,
                                      const RebuildOptions& options);

/// Moves a catalog that cannot be used to "PATH.corrupt-N", WAL included, and says where. The newest three are kept.
/// Nothing there is fine: an empty answer. Nobody may write it any more.
Result<std::string> park_catalog(const std::string& path);
/// Puts a built catalog in place of `path`, durably. A catalog that stands there is parked first.
Result<void> swap_in_catalog(const std::string& new_path, const std::string& path);

/// The three together: what `longtake rebuild` does. The recorder must not run.
Result<RebuildProgress> rebuild_catalog(base::FileSystem& ledger_files,
                                        const std::string& catalog_path,
                                        const RebuildOptions& options);

}  // namespace longtake::store
