#include "base/event_loop.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <map>

#include "base/bytes.h"
#include "base/check.h"
#include "base/descriptor.h"
#include "base/mutex.h"
#include "base/resolver.h"
#include "base/system_error.h"

namespace longtake::base {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using ReadinessDescriptor = asio::posix::stream_descriptor;

constexpr std::size_t kPendingBytes = std::size_t{256} * 1024;
constexpr std::size_t kAddresses = 16;  // of one name; further ones are not tried
constexpr milliseconds kUserTimeout =
    seconds(10);  // unanswered data or probes for so long: the peer is dead
constexpr int kKeepAliveIdleSeconds = 10;
constexpr int kKeepAliveIntervalSeconds = 5;
constexpr int kKeepAliveProbes = 3;

/// Tasks and timers over one io_context.
///
/// Thread     `post` from any, the rest confined to the loop's.
class TaskQueue {
 public:
  TaskQueue(asio::io_context& context, Clock& clock)
      : context_(context), clock_(clock), alarm_(context, make_alarm()) {
    wait_for_alarm();
  }

  [[nodiscard]] Clock& clock() const { return clock_; }

  void post(Task task) LT_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      posted_.push_back(std::move(task));
      if (std::exchange(is_run_due_, true)) return;
    }
    asio::post(context_, [this] { run_posted(); });
  }

  Executor::TimerId schedule(MonotonicTime when, Task task) {
    const Executor::TimerId id = next_id_++;
    timers_.emplace(std::pair(when, id), std::move(task));
    when_.emplace(id, when);
    // Only an earlier time is worth a system call: an alarm that comes too early just looks and
    // sets the next.
    if (when < alarm_at_) set_alarm(when);
    return id;
  }
  void cancel(Executor::TimerId id) {
    const auto found = when_.find(id);
    if (found == when_.end()) return;
    const auto node = timers_.extract({found->second, id});
    when_.erase(found);
    // The task goes last: what it owns may cancel further timers.
  }

  /// Destroys what has not run, while the loop still stands for what these tasks own.
  void clear() LT_EXCLUDES(mutex_) {
    for (;;) {
      std::deque<Task> tasks;
      {
        const MutexLock lock(mutex_);
        tasks.swap(posted_);
      }
      if (tasks.empty() && when_.empty()) return;
      if (!when_.empty()) cancel(when_.begin()->first);
    }
  }

 private:
  void run_posted() LT_EXCLUDES(mutex_) {
    std::deque<Task> tasks;
    {
      const MutexLock lock(mutex_);
      tasks.swap(posted_);
      is_run_due_ = false;
    }
    for (Task& task : tasks) {
      Task running = std::move(task);
      running();
    }
  }

  static int make_alarm() {
    const int descriptor = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    LT_CHECK(descriptor >= 0);  // at the program's start, long before descriptors are scarce
    return descriptor;
  }
  void wait_for_alarm() {
    alarm_.async_wait(ReadinessDescriptor::wait_read, [this](const error_code& error) {
      if (error) return;
      std::uint64_t expirations = 0;
      // Only empties the descriptor; nothing waits in it when a timer was moved meanwhile.
      if (::read(alarm_.native_handle(), &expirations, sizeof(expirations)) < 0) expirations = 0;
      run_due();
      wait_for_alarm();
    });
  }
  void run_due() {
    alarm_at_ = MonotonicTime::max();
    const MonotonicTime now = clock_.now();
    // Timers made from here on wait for the next round, lest one that renews itself keeps sockets
    // waiting for ever.
    const Executor::TimerId first_new = next_id_;
    while (!timers_.empty() && timers_.begin()->first.first <= now &&
           timers_.begin()->first.second < first_new) {
      auto due = timers_.extract(timers_.begin());
      when_.erase(due.key().second);
      due.mapped()();
    }
    if (!timers_.empty()) set_alarm(timers_.begin()->first.first);
  }
  void set_alarm(MonotonicTime when) {
    alarm_at_ = when;
    // Zero would switch the alarm off.
    const nanoseconds delay = std::max(nanoseconds(1), when - clock_.now());
    const seconds whole = std::chrono::floor<seconds>(delay);
    itimerspec setting{};
    setting.it_value.tv_sec = whole.count();
    setting.it_value.tv_nsec = (delay - whole).count();
    LT_CHECK(::timerfd_settime(alarm_.native_handle(), 0, &setting, nullptr) == 0);
  }

  asio::io_context& context_;
  Clock& clock_;
  ReadinessDescriptor
      alarm_;  // a timerfd of CLOCK_BOOTTIME: Asio's own timers stand still in a suspended machine
  MonotonicTime alarm_at_ = MonotonicTime::max();
  std::map<std::pair<MonotonicTime, Executor::TimerId>, Task> timers_;
  std::map<Executor::TimerId, MonotonicTime> when_;
  Executor::TimerId next_id_ = 1;

  Mutex mutex_;
  std::deque<Task> posted_ LT_GUARDED_BY(mutex_);
  bool is_run_due_ LT_GUARDED_BY(mutex_) = false;
};

void set_option(int socket, int level, int name, int value) {
  // Each option tunes; a kernel that refuses one still carries the stream.
  static_cast<void>(::setsockopt(socket, level, name, &value, sizeof(value)));
}

void tune(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(kUserTimeout.count()));
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  // SO_RCVBUF stays unset: a fixed size switches the kernel's own tuning off.
}

/// One connection behind its handle. Lives on while Asio still holds one of its waits; `detach`
/// silences it.
class TcpLink : public std::enable_shared_from_this<TcpLink> {
 public:
  TcpLink(asio::io_context& context, TaskQueue& tasks, HostPort to, ConnectionHandler& handler)
      : tasks_(tasks), socket_(context), to_(std::move(to)), handler_(&handler) {}

  void start(Resolver& resolver, nanoseconds timeout);
  void detach() {
    handler_ = nullptr;
    close();
  }

  Result<Connection::Received> receive(std::span<std::byte> into);
  Result<void> send(ByteSpan bytes);
  void set_low_water_mark(std::size_t bytes);
  [[nodiscard]] std::string peer() const { return phase_ == Phase::kOpen ? target_ : ""; }

 private:
  enum class Phase { kResolving, kConnecting, kOpen, kClosed };

  void on_resolved(Resolver::Addresses addresses);
  void try_next_address();
  void on_attempt_over(int error);
  void on_attempt_too_long();
  void on_open();
  void wait_readable();
  void wait_writable();
  /// What waits goes out as far as the socket takes it; an errno when it is broken.
  int flush();
  void close();
  /// Tells the handler, from a task of its own; nothing follows.
  void fail_later(Error error);

  void start_attempt_timer(nanoseconds delay);
  void stop_attempt_timer() { tasks_.cancel(std::exchange(attempt_timer_, 0)); }
  [[nodiscard]] MonotonicTime now() const { return tasks_.clock().now(); }

  TaskQueue& tasks_;
  ReadinessDescriptor socket_;
  const HostPort to_;
  ConnectionHandler* handler_;  // null once detached
  Phase phase_ = Phase::kResolving;
  MonotonicTime deadline_;                // of resolving and connecting together
  Executor::TimerId attempt_timer_ = 0;   // of the address being tried, or of resolving
  std::vector<SocketAddress> addresses_;  // still to be tried, the next one last
  std::string target_;                    // the address being tried or connected to
  std::size_t low_water_mark_bytes_ = 1;
  bool has_received_all_ = false;  // end or error: readiness would be reported for ever
  Bytes pending_;                  // accepted by `send`, not yet by the kernel
};

void TcpLink::start(Resolver& resolver, nanoseconds timeout) {
  deadline_ = now() + timeout;
  if (auto numeric = numeric_addresses(to_)) {
    tasks_.post([self = shared_from_this(), found = std::move(numeric)]() mutable {
      self->on_resolved(std::move(found));
    });
    return;
  }
  start_attempt_timer(timeout);
  resolver.resolve(to_, weak_from_this(),
                   [weak = weak_from_this(), &tasks = tasks_](Resolver::Addresses found) {
                     tasks.post([weak, answer = std::move(found)]() mutable {
                       if (const auto self = weak.lock()) self->on_resolved(std::move(answer));
                     });
                   });
}

void TcpLink::start_attempt_timer(nanoseconds delay) {
  stop_attempt_timer();
  attempt_timer_ = tasks_.schedule(now() + delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_attempt_too_long();
  });
}

void TcpLink::on_resolved(Resolver::Addresses addresses) {
  if (phase_ != Phase::kResolving) return;
  stop_attempt_timer();
  if (!addresses) return fail_later(std::move(addresses).error());
  addresses_ = std::move(*addresses);
  if (addresses_.size() > kAddresses) addresses_.resize(kAddresses);
  std::ranges::reverse(addresses_);
  phase_ = Phase::kConnecting;
  try_next_address();
}

void TcpLink::try_next_address() {
  const SocketAddress address = addresses_.back();
  addresses_.pop_back();
  target_ = to_string(address);
  Descriptor descriptor(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!descriptor.is_open()) return on_attempt_over(errno);
  tune(descriptor.get());
  const int answer = ::connect(descriptor.get(), address.get(), address.length);
  if (answer == -1 && errno != EINPROGRESS && errno != EINTR) return on_attempt_over(errno);
  error_code error;
  socket_.assign(descriptor.get(), error);
  if (error) return on_attempt_over(error.value());
  static_cast<void>(descriptor.release());
  // The time left is shared with the addresses behind this one: an IPv6 route into nowhere must not
  // take it all.
  const nanoseconds left = std::max(nanoseconds::zero(), deadline_ - now());
  start_attempt_timer(left / static_cast<std::int64_t>(addresses_.size() + 1));
  socket_.async_wait(
      ReadinessDescriptor::wait_write, [self = shared_from_this()](const error_code& waited) {
        if (waited || self->phase_ != Phase::kConnecting) return;
        int failure = 0;
        socklen_t length = sizeof(failure);
        ::getsockopt(self->socket_.native_handle(), SOL_SOCKET, SO_ERROR, &failure, &length);
        self->on_attempt_over(failure);
      });
}

void TcpLink::on_attempt_over(int error) {
  if (error == 0) return on_open();
  error_code ignored;
  socket_.close(ignored);
  if (!addresses_.empty()) return try_next_address();
  fail_later(errno_error(error, target_, "connect"));
}

void TcpLink::on_attempt_too_long() {
  attempt_timer_ = 0;
  if (phase_ == Phase::kResolving) {
    fail_later(Error(ErrorCode::kNotFound,
                     to_.host + ": the name does not resolve: no answer from the name servers"));
  } else if (phase_ == Phase::kConnecting) {
    on_attempt_over(ETIMEDOUT);
  }
}

void TcpLink::on_open() {
  stop_attempt_timer();
  phase_ = Phase::kOpen;
  if (low_water_mark_bytes_ > 1) set_low_water_mark(low_water_mark_bytes_);
  handler_->on_connected();
  if (phase_ == Phase::kOpen) wait_readable();
}

void TcpLink::wait_readable() {
  socket_.async_wait(ReadinessDescriptor::wait_read,
                     [self = shared_from_this()](const error_code& waited) {
                       if (waited || self->phase_ != Phase::kOpen) return;
                       self->handler_->on_readable();
                       if (self->phase_ == Phase::kOpen && !self->has_received_all_)
                         self->wait_readable();
                     });
}

void TcpLink::wait_writable() {
  socket_.async_wait(ReadinessDescriptor::wait_write,
                     [self = shared_from_this()](const error_code& waited) {
                       if (waited || self->phase_ != Phase::kOpen) return;
                       const int failure = self->flush();
                       if (failure != 0) {
                         self->fail_later(errno_error(failure, self->target_, "send"));
                       } else if (!self->pending_.empty()) {
                         self->wait_writable();
                       }
                     });
}

Result<Connection::Received> TcpLink::receive(std::span<std::byte> into) {
  if (phase_ != Phase::kOpen) return fail(ErrorCode::kFailedPrecondition, "not connected");
  if (into.empty()) return Connection::Received{};
  const ssize_t got = retry_interrupted(
      [&] { return ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT); });
  if (got > 0) return Connection::Received{.bytes = static_cast<std::size_t>(got)};
  if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Connection::Received{};
  has_received_all_ = true;
  if (got == 0) return Connection::Received{.end = true};
  return std::unexpected(errno_error(errno, target_, "receive"));
}

Result<void> TcpLink::send(ByteSpan bytes) {
  if (phase_ != Phase::kOpen) return fail(ErrorCode::kFailedPrecondition, "not connected");
  if (bytes.size() > kPendingBytes - pending_.size()) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("{}: send: the peer does not take what is sent; {} bytes wait", target_,
                            pending_.size()));
  }
  const bool is_waiting = !pending_.empty();
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  if (is_waiting) return {};
  const int failure = flush();
  if (failure != 0) {
    fail_later(errno_error(failure, target_, "send"));
  } else if (!pending_.empty()) {
    wait_writable();
  }
  return {};
}

int TcpLink::flush() {
  while (!pending_.empty()) {
    const ssize_t done = retry_interrupted([&] {
      return ::send(socket_.native_handle(), pending_.data(), pending_.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (done == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    if (done == -1) return errno;
    pending_.erase(pending_.begin(), pending_.begin() + done);
  }
  return 0;
}

void TcpLink::set_low_water_mark(std::size_t bytes) {
  low_water_mark_bytes_ = std::clamp<std::size_t>(bytes, 1, std::size_t{1} << 20);
  if (phase_ != Phase::kOpen) return;
  // The kernel looks at once whether what waits already suffices.
  set_option(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT,
             static_cast<int>(low_water_mark_bytes_));
}

void TcpLink::close() {
  phase_ = Phase::kClosed;
  stop_attempt_timer();
  addresses_.clear();
  pending_.clear();
  error_code ignored;
  socket_.close(ignored);  // ends the waits, too
}

void TcpLink::fail_later(Error error) {
  close();
  tasks_.post([self = shared_from_this(), told = std::move(error)] {
    if (self->handler_ != nullptr) std::exchange(self->handler_, nullptr)->on_failed(told);
  });
}

/// The handle: its end is the end of the handler's calls.
class TcpConnection final : public Connection {
 public:
  explicit TcpConnection(std::shared_ptr<TcpLink> link) : link_(std::move(link)) {}
  ~TcpConnection() override { link_->detach(); }
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  Result<Received> receive(std::span<std::byte> into) override { return link_->receive(into); }
  Result<void> send(std::span<const std::byte> bytes) override { return link_->send(bytes); }
  void set_low_water_mark(std::size_t bytes) override { link_->set_low_water_mark(bytes); }
  [[nodiscard]] std::string peer() const override { return link_->peer(); }

 private:
  std::shared_ptr<TcpLink> link_;
};

}  // namespace

struct EventLoop::State {
  explicit State(Clock& clock) : tasks(context, clock) {}

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  TaskQueue tasks;
  Resolver resolver;  // the first to go: its threads post to the others
};

EventLoop::EventLoop(Clock& clock) : state_(std::make_unique<State>(clock)) {}

EventLoop::~EventLoop() { state_->tasks.clear(); }

void EventLoop::run() {
  [this]() noexcept { state_->context.run(); }();
  state_->context.restart();
}

void EventLoop::stop() { state_->context.stop(); }

void EventLoop::post(Task task) { state_->tasks.post(std::move(task)); }

Executor::TimerId EventLoop::schedule(MonotonicTime when, Task task) {
  return state_->tasks.schedule(when, std::move(task));
}

void EventLoop::cancel(TimerId id) { state_->tasks.cancel(id); }

Clock& EventLoop::clock() const { return state_->tasks.clock(); }

std::unique_ptr<Connection> EventLoop::connect(const HostPort& to, nanoseconds timeout,
                                               ConnectionHandler& handler) {
  auto link = std::make_shared<TcpLink>(state_->context, state_->tasks, to, handler);
  link->start(state_->resolver, timeout);
  return std::make_unique<TcpConnection>(std::move(link));
}

}  // namespace longtake::base
