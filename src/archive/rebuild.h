#pragma once

#include <functional>
#include <string>

#include "base/file_system.h"
#include "store/catalog_rebuild.h"

namespace longtake::archive {

/// Held by whoever owns the folder.
inline constexpr const char* kVolumeLockPath = "lock";

struct RebuildReport {
  std::uint64_t ledger_facts = 0;
  std::uint64_t media_facts = 0;
};

/// Makes the catalog of a data folder anew from media and ledger and puts it in place; what stood there is parked
/// beside it. Holds the folder's lock meanwhile.
///
/// `catalog_path` is a real path, for SQLite. `progress` is called after each transaction; it may be empty.
///
/// Limits     three reads a segment, 10,000 facts a transaction: over 20,000 segments a minute (DESIGN §1).
/// Errors     kFailedPrecondition: not a data folder, or a server is running on it.
Result<RebuildReport> rebuild(base::FileSystem& files, const std::string& catalog_path,
                              const std::function<void(const RebuildReport&)>& progress);

}  // namespace longtake::archive
