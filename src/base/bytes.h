#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace longtake {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteSpan bytes) {
  // One of the two places where bytes change their type without a copy; char may alias anything.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The one way to read foreign bytes: every read is checked, big-endian unless it says otherwise.
///
/// Ownership  borrows the bytes.
/// Errors     a read past the end gives nothing and leaves the cursor where it was.
class Cursor {
 public:
  explicit Cursor(ByteSpan bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool is_at_end() const { return remaining() == 0; }
  [[nodiscard]] ByteSpan rest() const { return bytes_.subspan(position_); }

  std::optional<std::uint8_t> u8() { return unsigned_of<std::uint8_t>(1); }
  std::optional<std::uint16_t> u16() { return unsigned_of<std::uint16_t>(2); }
  std::optional<std::uint32_t> u24() { return unsigned_of<std::uint32_t>(3); }
  std::optional<std::uint32_t> u32() { return unsigned_of<std::uint32_t>(4); }
  std::optional<std::uint64_t> u64() { return unsigned_of<std::uint64_t>(8); }

  std::optional<ByteSpan> take(std::size_t count) {
    if (count > remaining()) return std::nullopt;
    const ByteSpan taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  bool skip(std::size_t count) { return take(count).has_value(); }

 private:
  template <std::unsigned_integral T>
  std::optional<T> unsigned_of(std::size_t count) {
    if (count > remaining()) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      value = value << 8U | std::to_integer<std::uint64_t>(bytes_[position_ + i]);
    }
    position_ += count;
    return static_cast<T>(value);
  }

  ByteSpan bytes_;
  std::size_t position_ = 0;
};

/// Appends big-endian values to a buffer it borrows.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  ByteWriter& u8(std::uint8_t value) { return put(value, 1); }
  ByteWriter& u16(std::uint16_t value) { return put(value, 2); }
  ByteWriter& u24(std::uint32_t value) { return put(value, 3); }
  ByteWriter& u32(std::uint32_t value) { return put(value, 4); }
  ByteWriter& u64(std::uint64_t value) { return put(value, 8); }
  ByteWriter& i32(std::int32_t value) { return put(static_cast<std::uint32_t>(value), 4); }
  ByteWriter& i64(std::int64_t value) { return put(static_cast<std::uint64_t>(value), 8); }
  ByteWriter& bytes(ByteSpan value) {
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
  }
  ByteWriter& text(std::string_view value) { return bytes(as_bytes(value)); }
  ByteWriter& zeros(std::size_t count) {
    out_.insert(out_.end(), count, std::byte{0});
    return *this;
  }
  /// Overwrites four bytes written earlier, e.g. a box size known only now.
  void patch_u32(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i)
      out_[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
  }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  ByteWriter& put(std::uint64_t value, std::size_t count) {
    for (std::size_t i = count; i-- > 0;) out_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
  }

  Bytes& out_;
};

}  // namespace longtake
