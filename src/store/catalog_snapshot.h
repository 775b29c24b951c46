#pragma once

#include <vector>

#include "store/fact.h"
#include "store/sqlite.h"

/// What a ledger snapshot restates: all that is living in the catalog and that no media file tells.
///
/// Living     recordings, armed intervals, redates of runs that still have segments (or belong to this start of the
///            program), open segments and tombstones, reasons, degraded stretches that do not lie before everything
///            recorded, the last process. Applied to an empty catalog, in their order, as Source::kSnapshot, they make
///            the same rows.
namespace longtake::store {

Result<std::vector<Fact>> living_facts(sqlite::Database& database);
/// Removes the rows that are not living. Within the caller's transaction.
Result<void> forget_dead(sqlite::Database& database);

}  // namespace longtake::store
