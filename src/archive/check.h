#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace longtake::archive {

/// kInfo is worth knowing and no fault: the folder is well.
enum class Severity : std::uint8_t { kInfo, kWarning, kError };
std::string_view to_string(Severity severity);

struct CheckFinding {
  Severity severity = Severity::kError;
  std::string path;        // within the data folder
  std::string what;        // what is there, and what was expected
  std::string what_to_do;  // the way out, or what happens by itself
};

struct CheckReport {
  std::vector<CheckFinding> findings;  // at most `kMaxFindings`; the last one then says so
  std::uint64_t segments = 0;
  std::uint64_t open_segments = 0;
  std::uint64_t media_bytes = 0;  // read or, when quick, covered by summaries
  std::uint64_t ledger_records = 0;
  bool is_server_running = false;

  static constexpr std::size_t kMaxFindings = 10'000;
  /// Exit code 0.
  [[nodiscard]] bool is_well() const;
};

enum class CheckDepth : std::uint8_t {
  kQuick,  // sizes, summaries or records, rows
  kFull,   // and every byte of media against its CRC
};

struct CheckOptions {
  CheckDepth depth = CheckDepth::kFull;
  std::string catalog_path;    // a real path, for SQLite
  std::string scratch_folder;  // a real one, where a second catalog may be built; nothing stays
  std::function<void(const CheckReport& so_far)> progress;  // after each file; may be empty
};

/// Verifies a data folder beside a running server or without one: volume.json, every segment file, rows against files
/// both ways, the ledger, and the catalog against what media and ledger make anew. Changes nothing.
///
/// Beside a server files are still written, closed and deleted: an open segment is walked up to its last whole fragment,
/// and what differs is asked again before it counts.
///
/// Limits     the rows of one recording in memory; a second catalog in `scratch_folder`.
/// Errors     only what keeps it from looking at all: kFailedPrecondition, not a data folder. All else is a finding.
/// Source     FAULTS CAT-03, I2, I3; docs/design/archive.md, "Check".
Result<CheckReport> check(base::FileSystem& files, const CheckOptions& options);

}  // namespace longtake::archive
