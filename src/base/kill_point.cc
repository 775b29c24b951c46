#include "base/kill_point.h"

#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <string>

#include "base/check.h"

namespace longtake::base {
namespace {

struct StopAt {
  std::string name;
  std::atomic<std::int64_t> passings_left{1};

  StopAt() {
    const char* variable = ::getenv("LONGTAKE_STOP_AT");
    if (variable == nullptr) return;
    const std::string_view text = variable;
    const std::size_t colon = text.find(':');
    name = text.substr(0, colon);
    if (colon == std::string_view::npos) return;
    const std::string_view digits = text.substr(colon + 1);
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    // Only a harness sets it; one that is misread would prove nothing.
    LT_CHECK(error == std::errc() && end == digits.data() + digits.size() && count > 0);
    passings_left = count;
  }
};

}  // namespace

void kill_point(std::string_view name) {
  // The one piece of state of the whole process here, because what it does concerns the whole
  // process.
  static StopAt stop_at;
  if (stop_at.name.empty() || stop_at.name != name) return;
  if (stop_at.passings_left.fetch_sub(1) != 1) return;
  // raise and not kill: it is this thread that must not take another step.
  ::raise(SIGSTOP);
}

}  // namespace longtake::base
