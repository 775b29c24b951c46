#include "server/connections.h"

#include "base/limits.h"

namespace longtake::server {

ConnectionCount::Room ConnectionCount::enter(const std::string& address) {
  const base::MutexLock lock(mutex_);
  if (total_ >= limits::kHttpConnections) return Room::kNotForAnybody;
  const auto found = by_address_.find(address);
  if (found != by_address_.end() && found->second >= limits::kHttpConnectionsPerAddress)
    return Room::kNotForThatAddress;
  ++total_;
  ++by_address_[address];
  return Room::kYes;
}

void ConnectionCount::enter_instead(const std::string& address) {
  const base::MutexLock lock(mutex_);
  ++total_;
  ++by_address_[address];
}

void ConnectionCount::leave(const std::string& address) {
  const base::MutexLock lock(mutex_);
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return;
  --total_;
  if (--found->second == 0) by_address_.erase(found);
}

std::size_t ConnectionCount::total() const {
  const base::MutexLock lock(mutex_);
  return total_;
}

}  // namespace longtake::server
