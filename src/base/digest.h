#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace longtake::base {

using Sha256 = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of the parts, one after the other. OpenSSL's home is digest.cc.
Sha256 sha256(std::initializer_list<ByteSpan> parts);
/// MD5 (RFC 1321) in lower-case hex; only for HTTP Digest (RFC 7616), never for integrity.
std::string md5_hex(std::string_view text);
/// Lower-case hex.
std::string to_hex(ByteSpan bytes);
/// RFC 4648 §4, with padding.
std::string to_base64(ByteSpan bytes);
/// Accepts missing padding; nothing when a character is not of the alphabet.
std::optional<Bytes> from_base64(std::string_view text);

}  // namespace longtake::base
