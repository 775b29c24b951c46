#pragma once

#include <optional>

#include "store/catalog.h"

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

}  // namespace longtake::archive
