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
  /// False when one more would pass a limit; otherwise it counts until `leave`.
  bool enter(const std::string& address);
  void leave(const std::string& address);
  [[nodiscard]] std::size_t total() const;

 private:
  mutable base::Mutex mutex_;
  std::size_t total_ LT_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::size_t> by_address_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::server
