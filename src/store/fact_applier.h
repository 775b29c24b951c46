#pragma once

#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "store/catalog.h"
#include "store/reason_paint.h"
#include "store/segment_table.h"
#include "store/sqlite.h"

namespace longtake::store {

/// The function f of catalog = f(media, ledger): makes one fact into rows.
///
/// Order      media facts may come in any order among each other, and before or after the ledger's; the ledger's come in
///            theirs. The rows are the same (docs/design/store.md, invariants C1 to C5).
/// Input      whatever a damaged or foreign ledger may say: spans are put in order, sizes and times are cut to what a
///            row can hold. A fact is never a reason to fail.
/// Thread     the writer's, inside its transaction.
/// Errors     SQLite's. After one the transaction must be rolled back and `forget_caches` called.
class FactApplier {
 public:
  enum class Source {
    kLedger,
    kSnapshot,  // restates the ledger up to here: a deletion says nothing new about time
    kMedia,     // what a file says of itself
  };
  enum class Mode {
    kLive,
    kRebuild,  // a tombstone is made only when media shows that the file is still there
  };
  static Result<std::unique_ptr<FactApplier>> prepare(sqlite::Database& database, Mode mode);

  Result<void> apply(const Fact& fact, Source source);
  /// Removes tombstones.
  Result<void> purge(media::RecordingId recording, std::span<const media::SegmentId> segments);
  void forget_caches();

 private:
  using SegmentKey = std::pair<media::RecordingId, media::SegmentId>;
  struct Gap {
    WallTime since;
    media::Reason reason;
  };

  explicit FactApplier(Mode mode) : mode_(mode) {}
  Result<void> ensure_recording(media::RecordingId recording);
  Result<microseconds> redate_of(media::RecordingId recording, media::RunId run);
  Result<void> close_gap(media::RecordingId recording, WallTime to);
  /// Above an open gap, if there is one.
  Result<void> note_reason(media::RecordingId recording, TimeRange range, media::Reason reason);
  Result<std::optional<Gap>> open_gap(media::RecordingId recording);

  Result<void> on(const ProcessStarted& fact, Source source);
  Result<void> on(const ProcessStopped& fact, Source source);
  Result<void> on(const RecordingCreated& fact, Source source);
  Result<void> on(const Armed& fact, Source source);
  Result<void> on(const Disarmed& fact, Source source);
  Result<void> on(const RunStarted& fact, Source source);
  Result<void> on(const RunRedated& fact, Source source);
  Result<void> on(const SegmentOpened& fact, Source source);
  Result<void> on(const SegmentClosed& fact, Source source);
  Result<void> on(const SegmentDeleted& fact, Source source);
  Result<void> on(const GapOpened& fact, Source source);
  Result<void> on(const GapClosed& fact, Source source);
  Result<void> on(const GapNoted& fact, Source source);
  Result<void> on(const DegradedNoted& fact, Source source);

  Mode mode_;
  std::unique_ptr<SegmentTable> segments_;
  std::unique_ptr<ReasonPaint> reasons_;
  std::unique_ptr<RangeTable> armed_;
  sqlite::Statement start_process_, stop_process_;
  sqlite::Statement add_recording_, name_recording_, arm_, disarm_, armed_since_;
  sqlite::Statement gap_, set_gap_, clear_gap_;
  sqlite::Statement redate_, move_redate_;
  sqlite::Statement degraded_near_, remove_degraded_, add_degraded_;

  std::unordered_set<std::uint64_t> known_recordings_;  // have a row
  std::set<SegmentKey>
      deleted_;  // rebuild: ledgered as deleted; a day's worth at most behind a snapshot
};

}  // namespace longtake::store
