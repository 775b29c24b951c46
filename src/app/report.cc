#include <fmt/format.h>

#include <cstdio>

#include "app/commands.h"

namespace longtake::app {

int report(const Error& error) {
  fmt::print(stderr, "longtake: {}\n", error.message());
  return error.code() == ErrorCode::kInvalidArgument ? kExitUsage : kExitEnvironment;
}

}  // namespace longtake::app
