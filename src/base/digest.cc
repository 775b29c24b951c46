#include "base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace longtake::base {
namespace {

struct DigestContextFree {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestContextFree>;

/// Digests cannot fail but for lack of memory or an OpenSSL without the algorithm, and both end the
/// process.
template <std::size_t kSize>
std::array<std::byte, kSize> digest(const EVP_MD* algorithm,
                                    std::initializer_list<ByteSpan> parts) {
  std::array<std::byte, kSize> out{};
  const DigestContext context(EVP_MD_CTX_new());
  LT_CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
  LT_CHECK(EVP_MD_CTX_get_size(context.get()) == static_cast<int>(kSize));
  for (const ByteSpan part : parts) {
    LT_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  LT_CHECK(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                              nullptr) == 1);
  return out;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> make_base64_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
    values[static_cast<unsigned char>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kBase64Values = make_base64_values();

}  // namespace

Sha256 sha256(std::initializer_list<ByteSpan> parts) { return digest<32>(EVP_sha256(), parts); }

std::string md5_hex(std::string_view text) {
  return to_hex(digest<16>(EVP_md5(), {as_bytes(text)}));
}

std::string to_hex(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    out += kHexDigits[std::to_integer<std::size_t>(byte >> 4)];
    out += kHexDigits[std::to_integer<std::size_t>(byte & std::byte{0x0f})];
  }
  return out;
}

std::string to_base64(ByteSpan bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(3, bytes.size()))) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size());
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < count ? std::to_integer<std::uint32_t>(bytes[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kBase64Digits[group >> (18 - 6 * i) & 0x3fU] : '=';
    }
  }
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  std::size_t padding = 0;
  for (; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  const std::size_t digits = text.size() % 4;  // of the last group
  if (digits == 1) return std::nullopt;        // 6 bits are no byte
  if (padding > (4 - digits) % 4) return std::nullopt;
  Bytes out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char c : text) {
    const std::uint8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (value == kNoDigit) return std::nullopt;
    bits = bits << 6U | value;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    out.push_back(static_cast<std::byte>(bits >> bit_count));
  }
  // Bits left over ought to be zero (RFC 4648 §3.5); cameras do not always know, and nothing is
  // lost by them.
  return out;
}

}  // namespace longtake::base
