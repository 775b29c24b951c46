#include "server/connections.h"

#include "base/limits.h"

namespace longtake::server {

bool ConnectionCount::enter(const std::string& address) {
  const base::MutexLock lock(mutex_);
  std::size_t& of_address = by_address_[address];
  if (total_ >= limits::kHttpConnections || of_address >= limits::kHttpConnectionsPerAddress) {
    if (of_address == 0) by_address_.erase(address);
    return false;
  }
  ++total_;
  ++of_address;
  return true;
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
