#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/mutex.h"

namespace longtake::server {

/// Counts connections, in all and by client address, against the limits.
///
/// Thread     any.
class ConnectionCount {
 public:
  enum class Room { kYes, kNotForThatAddress, kNotForAnybody };

  /// Whether one more may come; if so it counts until `leave`.
  Room enter(const std::string& address);
  /// Counts one more past the limit: for the moment in which another one that was told to go still goes.
  void enter_instead(const std::string& address);
  void leave(const std::string& address);
  [[nodiscard]] std::size_t total() const;

 private:
  mutable base::Mutex mutex_;
  std::size_t total_ LT_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> by_address_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::server
