#pragma once

#include <optional>

#include "base/mutex.h"
#include "store/catalog.h"
#include "store/fact.h"

/// The time between two lives of the program: who was missing what, from when, and why.
namespace longtake::archive {

/// How the last life ended, as far as ledger and `lock` tell.
struct Downtime {
  media::Reason reason = media::Reason::kCrash;  // crash, power_loss or operator_stop
  std::optional<WallTime> last_alive;            // not later than `started`
  WallTime started;                              // of this life
};

/// From when on nobody recorded, for a recording with this coverage; nothing when the ledger explains it all, or nothing
/// was asked for.
///
/// It begins where the footage ends; if a gap was open then (a camera was away), where the program was last seen alive, as
/// until there the gap's own reason holds. After an orderly stop the stop's own gap usually says it all.
std::optional<WallTime> downtime_begin(const store::Coverage& coverage, const Downtime& downtime);

/// One recording's way into the ledger. Notes when its recorder first says how things are now, so that recovery, which
/// comes later, can explain the time before, and no more than that.
///
/// Thread     any; facts keep the order in which they came.
class RecordingFacts final : public store::FactSink {
 public:
  RecordingFacts(media::RecordingId recording, store::FactSink& below)
      : recording_(recording), below_(below) {}

  void append(store::Fact fact) override;
  /// Until the recorder's first word it is an open gap, which the recorder closes; after it, a gap that is over.
  void explain_downtime(WallTime from, media::Reason reason, std::string detail);

 private:
  const media::RecordingId recording_;
  store::FactSink& below_;
  base::Mutex
      mutex_;  // held across `below_.append`, which waits for nothing: it is the order that is guarded
  std::optional<WallTime> ended_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
