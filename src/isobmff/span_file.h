#pragma once

#include <algorithm>

#include "base/file_system.h"

namespace longtake::isobmff {

/// Bytes in memory read as a file, so that a walk need not care. Every write answers
/// kPermissionDenied.
///
/// Ownership  borrows the bytes.
class SpanFile final : public base::File {
 public:
  explicit SpanFile(ByteSpan bytes) : bytes_(bytes) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const ByteSpan rest = bytes_.subspan(static_cast<std::size_t>(offset));
    const std::size_t count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    return count;
  }
  Result<void> write_at(std::uint64_t, std::span<const ByteSpan>) override { return refused(); }
  Result<void> start_write_back() override { return refused(); }
  Result<void> sync_data() override { return refused(); }
  Result<void> sync() override { return refused(); }
  Result<void> reserve(std::uint64_t, std::uint64_t) override { return refused(); }
  Result<void> truncate(std::uint64_t) override { return refused(); }
  Result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }
  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  static Result<void> refused() {
    return fail(ErrorCode::kPermissionDenied, "bytes in memory are read only");
  }

  ByteSpan bytes_;
};

}  // namespace longtake::isobmff
