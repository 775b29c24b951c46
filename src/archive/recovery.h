#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "archive/downtime.h"
#include "archive/volume.h"
#include "base/log.h"
#include "isobmff/reader.h"
#include "store/store.h"

namespace longtake::archive {

/// Puts in order what earlier lives of the program left behind, while this one already records.
///
///  1. wait for ledger and catalog;
///  2. find what was left open: the catalog's open rows, and files the ledger never heard of;
///  3. scan each with every CRC; cut it after its last whole fragment, the rest into quarantine; close it in the ledger;
///  4. remove the files of tombstones;
///  5. explain the downtime of every recording that was asked for.
///
/// Every step can be repeated: a crash in the middle of it costs time, not footage.
///
/// Thread     `run` on one of its own; again, from the beginning, when it failed.
/// Limits     one file open at a time; reads only files of lives after `Volume::settled`; keeps tails of limits::kQuarantineTailBytes.
/// Errors     a file that cannot be read is left as it is, said so, and tried again at the next start.
/// Source     docs/design/archive.md, "Recovery", invariants A8 to A12.
class Recovery {
 public:
  struct Environment {
    base::FileSystem& files;
    base::Clock& clock;
    base::Logger& logger;
    Volume& volume;
    store::Store& store;
    /// The recording's own way into the ledger (RecordingFacts::explain_downtime).
    std::function<void(const RecordingFolder&, WallTime from, media::Reason, std::string detail)>
        explain;
    const std::atomic<bool>& is_stopping;
  };
  struct Report {
    std::uint64_t scanned = 0;
    std::uint64_t closed = 0;       // were whole already, or whole after the cut
    std::uint64_t removed = 0;      // held no fragment
    std::uint64_t quarantined = 0;  // tails and files
    std::uint64_t unreadable = 0;   // left for the next start
    std::uint64_t tombstones = 0;
  };

  Recovery(Environment environment, WallTime started);
  /// kCancelled when it was told to stop; the next start does the rest.
  Result<Report> run();

 private:
  struct Candidate {
    const RecordingFolder* recording = nullptr;
    SegmentPath file;
    bool is_known = false;  // the catalog has it as open
    WallTime opened;        // known ones
    bool is_there = false;  // its file, when it was scanned
    isobmff::Walk walk;
    bool is_closed_in_order = false;
  };

  Result<void> wait_for_store();
  Result<void> flush();
  void announce_recordings(store::CatalogReader& catalog);
  Result<void> find_open_rows(store::CatalogReader& catalog);
  Result<void> find_unknown_files(store::CatalogReader& catalog);
  Result<void> find_unknown_files_of(store::CatalogReader& catalog,
                                     const RecordingFolder& recording, const std::string& from_day);
  [[nodiscard]] std::string first_day_in_doubt() const;
  [[nodiscard]] bool is_left_behind(media::SegmentId segment) const;

  void scan(Candidate& candidate);
  Result<void> scan_file(Candidate& candidate);
  void settle(store::CatalogReader& catalog, Candidate& candidate);
  Result<void> settle_file(store::CatalogReader& catalog, Candidate& candidate);
  Result<void> cut_where_a_later_segment_begins(store::CatalogReader& catalog,
                                                Candidate& candidate);
  Result<void> close_cut(const Candidate& candidate);
  Result<void> keep_tail(const Candidate& candidate, base::File& file);
  Result<void> remove_file(const Candidate& candidate);
  Result<void> quarantine_file(Candidate& candidate, const std::string& why);
  void forget(const Candidate& candidate, media::Reason reason);

  Result<void> bury_tombstones(store::CatalogReader& catalog);
  Result<void> explain_downtimes(store::CatalogReader& catalog);
  [[nodiscard]] Downtime downtime() const;

  Environment environment_;
  const WallTime started_;
  std::vector<RecordingFolder> recordings_;
  std::vector<Candidate> candidates_;
  std::set<std::pair<media::RecordingId, media::SegmentId>> known_;
  Report report_;
};

}  // namespace longtake::archive
