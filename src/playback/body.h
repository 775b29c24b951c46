#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"

namespace longtake::playback {

/// Part of a file, sent with sendfile where it has a descriptor.
struct FileSlice {
  std::shared_ptr<base::File> file;
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
};
/// Bytes made in memory.
struct MemorySlice {
  std::shared_ptr<const Bytes> bytes;
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
};
using Slice = std::variant<FileSlice, MemorySlice>;
[[nodiscard]] std::uint64_t length_of(const Slice& slice);

/// What is served: a body whose length is known before its first byte, given out piece by piece, so that any part of it
/// can be asked for and none of it need be in memory.
///
/// Thread     one user at a time.
/// Errors     slice_at: of the disk; the bytes before the offset stay as they were.
/// Source     docs/design/playback.md, "Bodies".
class Body {
 public:
  virtual ~Body() = default;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  /// The piece that begins at `offset_bytes`, which is below the size: at least one byte. May read files.
  virtual Result<Slice> slice_at(std::uint64_t offset_bytes) = 0;
};

/// A body whose pieces are all known.
class SliceList final : public Body {
 public:
  /// Pieces of no length are left out.
  void append(Slice slice);
  void append(Bytes bytes);

  [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<Slice> slice_at(std::uint64_t offset_bytes) override;

 private:
  struct Piece {
    std::uint64_t start_bytes = 0;
    Slice slice;
  };
  std::vector<Piece> pieces_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace longtake::playback
