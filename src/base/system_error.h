#pragma once

#include <cerrno>
#include <string_view>

#include "base/result.h"

namespace longtake::base {

/// The one translation of `errno`. No raw number travels further than the call that gave it.
ErrorCode code_of_errno(int number);

/// "WHERE: WHAT: No space left on device".
Error errno_error(int number, std::string_view where, std::string_view what);

/// Makes a system call anew for as long as signals interrupt it.
template <class Call>
auto retry_interrupted(Call call) {
  auto answer = call();
  while (answer == -1 && errno == EINTR) answer = call();
  return answer;
}

}  // namespace longtake::base
