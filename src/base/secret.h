#pragma once

#include <string>
#include <utility>

namespace longtake::base {

/// A password or key that cannot be printed by accident: no stream operator, no formatter, zeroed at its end.
///
/// `reveal` is for the one sink that needs the bytes (RTSP authentication); a search for it finds them all.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
    return *this;
  }
  ~Secret() { wipe(); }

  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool is_empty() const { return value_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  void wipe() noexcept {
    volatile char* at = value_.data();
    for (std::size_t i = 0; i < value_.size(); ++i) at[i] = 0;
    value_.clear();
  }

  std::string value_;
};

}  // namespace longtake::base
