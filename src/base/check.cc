#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace longtake::base {

void check_failed(const char* condition, const char* file, int line) {
  // stdio and not the logger: nothing but the process's last words may be trusted here.
  std::fprintf(stderr, "longtake: broken invariant `%s` at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace longtake::base
