#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <string_view>

#include "base/check.h"

namespace longtake::base {

std::string Random::hex(int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  LT_CHECK(digits >= 0 && digits <= 16);
  std::uint64_t value = next();
  std::string out;
  for (int i = 0; i < digits; ++i, value >>= 4U) out += kDigits[value & 0x0fU];
  return out;
}

std::uint64_t SystemRandom::next() {
  std::uint64_t value = 0;
  ssize_t got = -1;
  // Reads of up to 256 bytes are whole or fail (getrandom(2)); a signal may come while the pool
  // fills after boot.
  do {
    got = ::getrandom(&value, sizeof(value), 0);
  } while (got == -1 && errno == EINTR);
  LT_CHECK(got == static_cast<ssize_t>(sizeof(value)));
  return value;
}

}  // namespace longtake::base
