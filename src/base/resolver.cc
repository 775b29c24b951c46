#include "base/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace longtake::base {
namespace {

struct AddressListFree {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListFree>;

Resolver::Addresses ask(const HostPort& of, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int failure = ::getaddrinfo(of.host.c_str(), std::to_string(of.port).c_str(), &hints, &raw);
  const AddressList list(raw);
  if (failure != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: the name does not resolve: {}", of.host, ::gai_strerror(failure)));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    LT_CHECK(entry->ai_addrlen <= sizeof(address.storage));
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
  }
  return addresses;
}

/// The resolver's patience, of this thread only. The default, 5 s twice for each server, is more
/// than a connection may take in all; a camera is tried again anyway. Reads resolv.conf anew, which
/// glibc no longer does once `_res` is changed.
void limit_patience() {
  if (::res_init() != 0) return;  // then it is the default
  _res.retrans = 1;               // seconds; doubles with the second try
  _res.retry = 2;
}

}  // namespace

std::string to_string(const SocketAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address.get(), address.length, host.data(), host.size(), port.data(),
                    port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  const bool is_v6 = address.storage.ss_family == AF_INET6;
  return fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"), host.data(), port.data());
}

Resolver::Addresses numeric_addresses(const HostPort& of) {
  auto addresses = ask(of, AI_NUMERICHOST);
  if (addresses) return addresses;
  return fail(ErrorCode::kInvalidArgument, of.host + ": is not an address");
}

Resolver::Addresses look_up_addresses(const HostPort& of) {
  limit_patience();
  return ask(of, AI_ADDRCONFIG);
}

Resolver::~Resolver() {
  std::vector<std::jthread> ending;
  std::deque<Job> dropped;
  {
    const MutexLock lock(mutex_);
    is_closing_ = true;
    ending.swap(threads_);
    dropped.swap(waiting_);
  }
  changed_.wake_all();
  // `ending` joins here, `dropped` goes outside the lock.
}

void Resolver::resolve(HostPort of, std::weak_ptr<const void> wanted_by, Done done) {
  {
    const MutexLock lock(mutex_);
    waiting_.push_back({std::move(of), std::move(wanted_by), std::move(done)});
    // Threads that have begun no look-up yet are spoken for by the jobs that wait already.
    const std::size_t idle = threads_.size() - under_way_.size();
    if (waiting_.size() > idle && threads_.size() < kThreads) {
      threads_.emplace_back([this] { work(); });
    }
  }
  changed_.wake_one();
}

std::deque<Resolver::Job>::iterator Resolver::find_job() {
  return std::ranges::find_if(waiting_, [this](const Job& job) LT_REQUIRES(mutex_) {
    return !under_way_.contains(job.of.host);
  });
}

bool Resolver::take_job(Job& job) {
  const MutexLock lock(mutex_);
  for (;;) {
    if (is_closing_) return false;
    if (const auto found = find_job(); found != waiting_.end()) {
      job = std::move(*found);
      waiting_.erase(found);
      under_way_.insert(job.of.host);
      return true;
    }
    changed_.wait_for(mutex_, std::chrono::hours(1));
  }
}

void Resolver::work() {
  Job job;
  while (take_job(job)) {
    if (!job.wanted_by.expired()) job.done(lookup_(job.of));
    {
      const MutexLock lock(mutex_);
      under_way_.erase(job.of.host);
    }
    changed_.wake_all();  // others may have waited for this very name
    job = {};
  }
}

}  // namespace longtake::base
