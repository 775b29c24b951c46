#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace longtake::rtsp {

/// The scratch space into which every camera of a shard receives, one after the other: a camera
/// itself keeps only the beginning of a frame that has not come whole. So memory grows with shards,
/// not with cameras.
///
/// Thread     one shard's.
class ReceiveBuffer {
 public:
  static constexpr std::size_t kDefaultBytes = 256 * 1024;
  /// Room for a frame left over and as much again that is new.
  static constexpr std::size_t kLeastBytes = 128 * 1024 + 16;

  explicit ReceiveBuffer(std::size_t bytes = kDefaultBytes)
      : size_(bytes < kLeastBytes ? kLeastBytes : bytes),
        bytes_(std::make_unique<std::byte[]>(size_)) {}

  [[nodiscard]] std::span<std::byte> bytes() { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace longtake::rtsp
