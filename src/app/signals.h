#pragma once

#include "base/time.h"

namespace longtake::app {

enum class SignalSeen { kNone, kStop, kReload };

/// Blocks SIGINT, SIGTERM and SIGHUP in this thread and all it starts, and ignores SIGPIPE; call before any thread.
void block_signals();

/// Waits for one of them, at most `limit`.
SignalSeen wait_for_signal(nanoseconds limit);

}  // namespace longtake::app
