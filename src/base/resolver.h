#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/network.h"

namespace longtake::base {

/// One address to connect to, as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// "192.0.2.7:554", "[2001:db8::7]:554".
std::string to_string(const SocketAddress& address);

/// The addresses of an IPv4 or IPv6 literal, at once and without asking anybody; kInvalidArgument
/// when it is a name.
Result<std::vector<SocketAddress>> numeric_addresses(const HostPort& of);
/// getaddrinfo; blocks for some seconds at worst. kNotFound when the name does not resolve,
/// whatever the reason.
Result<std::vector<SocketAddress>> look_up_addresses(const HostPort& of);

/// Resolves names on a few threads, because getaddrinfo blocks and cannot be asked to stop.
///
/// Thread     `resolve` from any thread; answers come on the resolver's.
/// Limits     at most `kThreads` look-ups at once, and one for each name: a name that hangs holds
///            one thread. The rest wait, at most one per connection being made.
/// Ownership  destroying it waits for the look-ups under way; what has not begun is dropped without
///            an answer.
class Resolver {
 public:
  using Addresses = Result<std::vector<SocketAddress>>;
  using Lookup = std::function<Addresses(const HostPort&)>;
  using Done = std::move_only_function<void(Addresses)>;
  static constexpr std::size_t kThreads = 8;

  explicit Resolver(Lookup lookup = look_up_addresses) : lookup_(std::move(lookup)) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Dropped without an answer if `wanted_by` has expired when its turn comes.
  void resolve(HostPort of, std::weak_ptr<const void> wanted_by, Done done) LT_EXCLUDES(mutex_);

 private:
  struct Job {
    HostPort of;
    std::weak_ptr<const void> wanted_by;
    Done done;
  };

  void work() LT_EXCLUDES(mutex_);
  /// Waits for a job whose name nobody looks up at the moment; false when it is time to end.
  bool take_job(Job& job) LT_EXCLUDES(mutex_);
  [[nodiscard]] std::deque<Job>::iterator find_job() LT_REQUIRES(mutex_);

  const Lookup lookup_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Job> waiting_ LT_GUARDED_BY(mutex_);
  std::set<std::string> under_way_ LT_GUARDED_BY(mutex_);  // names
  bool is_closing_ LT_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_ LT_GUARDED_BY(mutex_);  // made as they are needed
};

}  // namespace longtake::base
