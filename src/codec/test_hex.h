#pragma once

#include <string_view>

#include "base/bytes.h"

namespace longtake::codec {

/// Bytes from pairs of hex digits, for tests: `hex("6764 0028")`; blanks are skipped.
inline Bytes hex(std::string_view digits) {
  const auto value_of = [](char digit) {
    return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  };
  Bytes out;
  unsigned high = 0;
  bool has_high = false;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    if (has_high) out.push_back(static_cast<std::byte>(high << 4U | value_of(digit)));
    high = value_of(digit);
    has_high = !has_high;
  }
  return out;
}

}  // namespace longtake::codec
