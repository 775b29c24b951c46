#pragma once

#include <string_view>

namespace longtake::base {

/// Names a step of a disk procedure that has just been done, so that a test can end the world right after it.
///
/// The environment variable LONGTAKE_STOP_AT=NAME[:COUNT] makes the COUNT-th passing (default 1) of NAME stop the
/// whole process by SIGSTOP; whoever set it then kills it, or cuts the power of its file system first. Unset, a
/// passing costs one comparison.
///
/// Thread     any thread.
void kill_point(std::string_view name);

}  // namespace longtake::base
