#pragma once

#include <unistd.h>

#include <utility>

namespace longtake::base {

/// Owns one file descriptor: closes it, in silence, at its end. -1 is none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(-1); }

  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(descriptor_, -1); }

 private:
  void reset(int descriptor) {
    // Not retried on EINTR: Linux has closed it by then, and the number may already be somebody
    // else's.
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }

  int descriptor_ = -1;
};

}  // namespace longtake::base
