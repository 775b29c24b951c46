#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/time.h"

/// Times and durations as an operator or an HTTP client writes them. What is read must also be writable, and a time
/// that was written must read back as itself, to the millisecond.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto time = longtake::parse_wall_time(text)) {
    const auto again = longtake::parse_wall_time(longtake::to_string(*time));
    // An offset can carry the first and last day out of the years that four digits write.
    const bool has_four_digits =
        longtake::to_string(*time).size() == 24 && longtake::to_string(*time).front() != '-';
    if (has_four_digits &&
        (!again || *again != std::chrono::floor<longtake::milliseconds>(*time))) {
      std::abort();
    }
  }
  if (const auto duration = longtake::parse_duration(text)) {
    if (*duration < longtake::microseconds::zero()) std::abort();
    if (longtake::to_short_string(*duration).empty()) std::abort();
  }
  return 0;
}
