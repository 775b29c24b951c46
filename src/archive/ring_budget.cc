#include "archive/ring_budget.h"

#include <unistd.h>

namespace longtake::archive {

std::uint64_t default_ring_budget_bytes() {
  constexpr std::uint64_t kUnknownMachine = 512ULL * 1024 * 1024;
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return kUnknownMachine / 4;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes) / 4;
}

}  // namespace longtake::archive
