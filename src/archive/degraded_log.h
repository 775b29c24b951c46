#pragma once

#include <vector>

#include "store/fact.h"

namespace longtake::archive {

/// Counts what damages a recording without ending it, and tells the ledger at most once per reason
/// and `kWindow`.
///
/// Thread     confined to its owner's thread.
class DegradedLog {
 public:
  static constexpr microseconds kWindow = seconds(10);  // DESIGN §6: coalesced to >= 10 s

  DegradedLog(media::RecordingId recording, store::FactSink& facts)
      : recording_(recording), facts_(facts) {}

  /// `count` things went wrong within `range`; a single moment may be an empty range.
  void add(TimeRange range, media::Reason reason, std::uint64_t count);
  /// Tells what is older than a window.
  void flush_due(WallTime now);
  /// Tells everything, no interval reaching past `end`.
  void flush(WallTime end);
  /// Moves what is not yet told: the clock it was measured by was wrong.
  void shift(microseconds by);

 private:
  struct Window {
    media::Reason reason;
    TimeRange range;
    std::uint64_t count;
  };
  void tell(const Window& window, WallTime end);

  media::RecordingId recording_;
  store::FactSink& facts_;
  std::vector<Window> windows_;  // one a reason
};

}  // namespace longtake::archive
