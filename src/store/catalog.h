#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/coverage.h"
#include "store/fact.h"

namespace longtake::store {

enum class SegmentState : std::uint8_t {
  kOpen = 1,  // being written, or left open by a crash
  kClosed = 2,
  kDeleted = 3,  // tombstone: ledgered as deleted, its file not yet gone for certain
};

struct RecordingRow {
  media::RecordingId id;
  std::string name;
  WallTime created;
  bool is_armed = false;
  std::optional<WallTime> first;    // start of the oldest span
  std::optional<WallTime> last;     // end of the newest
  std::uint64_t size_bytes = 0;     // closed segments
  std::uint64_t segment_count = 0;  // closed
};

struct SegmentRow {
  media::RecordingId recording;
  media::SegmentId id;
  std::string day;
  TimeRange range;  // from the first span's start to the last one's end
  std::vector<TimeRange> spans;
  std::uint64_t size_bytes = 0;
  SegmentState state = SegmentState::kClosed;
  bool is_recovered = false;
};

/// All that the catalog knows about one stretch of a recording; `media::explain` makes a timeline of it.
struct Coverage {
  media::TimeRanges armed;
  media::TimeRanges recorded;
  std::vector<media::ReasonSpan> reasons;  // in ledger order
  std::vector<media::Degraded> degraded;
};

/// The catalog's one writer. Only the store's thread has it.
class CatalogWriter {
 public:
  /// Opens or makes the database. kDataLoss: corrupt, or of another schema (the caller parks it and rebuilds).
  static Result<std::unique_ptr<CatalogWriter>> open(const std::string& path);
  virtual ~CatalogWriter() = default;

  struct Entry {
    std::uint64_t sequence = 0;  // the ledger's
    const Fact* fact =
        nullptr;  // null: a record that says nothing to the catalog; its sequence counts as applied
  };
  /// Applies the facts in order and moves `applied_sequence`, in one transaction. Facts at or before it are skipped.
  virtual Result<void> apply(std::span<const Entry> entries) = 0;
  /// Removes tombstones whose files are gone.
  virtual Result<void> purge(media::RecordingId recording,
                             std::span<const media::SegmentId> segments) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> applied_sequence() = 0;
  /// PASSIVE then TRUNCATE as the WAL's size asks. A reader in the way is no error: the next call tries again.
  virtual Result<void> checkpoint() = 0;
  [[nodiscard]] virtual std::uint64_t wal_bytes() const = 0;

  /// Everything the catalog knows that media cannot tell, as facts that make it again: the ledger's snapshot.
  virtual Result<std::vector<Fact>> living_facts() = 0;
  /// Drops rows that `living_facts` leaves out because nothing recorded needs them any more.
  virtual Result<void> forget_dead() = 0;
  /// Facts that could not be made into rows and were passed over: 0, or a bug of ours to look for.
  [[nodiscard]] virtual std::uint64_t refused_count() const = 0;
};

/// Answers questions, read-only, beside the writer.
///
/// Thread     one user at a time; open one per thread.
class CatalogReader {
 public:
  static Result<std::unique_ptr<CatalogReader>> open(const std::string& path);
  virtual ~CatalogReader() = default;

  virtual Result<std::vector<RecordingRow>> recordings() = 0;
  virtual Result<std::optional<RecordingRow>> recording(media::RecordingId id) = 0;
  virtual Result<Coverage> coverage(media::RecordingId id, TimeRange within) = 0;
  /// Closed and open segments that touch `within`, by start, at most `limit`. An open one has the empty range of its
  /// opening and is listed when it may still reach into `within`. For the next page ask from the last one's start.
  virtual Result<std::vector<SegmentRow>> segments(media::RecordingId id, TimeRange within,
                                                   std::size_t limit) = 0;
  virtual Result<std::optional<SegmentRow>> segment(media::RecordingId id,
                                                    media::SegmentId segment) = 0;
  /// The oldest closed segments by end, of one recording.
  virtual Result<std::vector<SegmentRow>> oldest_closed(media::RecordingId id,
                                                        std::size_t limit) = 0;
  virtual Result<std::vector<SegmentRow>> in_state(SegmentState state, std::size_t limit) = 0;
  virtual Result<std::uint64_t> applied_sequence() = 0;
};

}  // namespace longtake::store
