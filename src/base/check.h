#pragma once

namespace longtake::base {

/// Prints the failed condition and aborts. Only LT_CHECK calls it.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace longtake::base

/// Our own invariants; stays on in release. Never judges bytes from a camera, a disk or a user.
#define LT_CHECK(condition)                                                           \
  do {                                                                                \
    if (!(condition)) ::longtake::base::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
