// The connection loop: the one place of server/ that knows sockets.

#include "server/server.h"

#include <fmt/format.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <list>
#include <optional>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "server/api.h"
#include "server/connections.h"
#include "server/http_request.h"
#include "server/router.h"

namespace longtake::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error_code = boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kFilePieceBytes =
    1024 * 1024;  // sent at once, before others on this loop get their turn
constexpr std::size_t kCopyBytes = 64 * 1024;  // a file without a descriptor goes by memory
constexpr int kLoops = 2;
constexpr nanoseconds kFailureLogInterval = std::chrono::minutes(1);

/// A part of a number that others add to as well, while it lives.
class Share {
 public:
  Share(std::atomic<std::size_t>& of, std::size_t size)
      : of_(of), size_(size), total_(of.fetch_add(size) + size) {}
  ~Share() { of_.fetch_sub(size_); }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  /// All parts when this one was added.
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  std::atomic<std::size_t>& of_;
  std::size_t size_;
  std::size_t total_;
};

/// What every connection needs.
struct Shared {
  base::Logger& logger;
  base::Clock& clock;
  base::Counter& requests;
  base::Counter& refused;
  base::Counter& accept_failures;
  base::Gauge& open;
  Authority authority{};
  std::atomic<const Api*> api{nullptr};
  std::atomic<std::size_t> answer_bytes{0};  // of texts that clients have not taken yet
  ConnectionCount count;
};

/// One client: reads heads, answers them in order, until either side is done. Lives on one loop.
class Client {
 public:
  Client(tcp::socket socket, std::string address, Shared& shared)
      : socket_(std::move(socket)), address_(std::move(address)), shared_(shared) {
    extend(limits::kHttpHeaderDeadline);
  }
  ~Client() { shared_.count.leave(address_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  asio::awaitable<void> talk();
  /// Closes when the deadline of what it waits for has passed; its wait ends with an error.
  void close_if_late(MonotonicTime now) {
    if (now >= deadline_) close();
  }
  /// Since when it has been waiting for a head; nothing while it answers, or has been closed.
  [[nodiscard]] std::optional<MonotonicTime> waits_since() const {
    return socket_.is_open() ? waits_since_ : std::nullopt;
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  void close() {
    Error_code ignored;  // a socket that cannot be closed in order is gone all the same
    static_cast<void>(socket_.close(ignored));
  }

 private:
  void extend(nanoseconds by) { deadline_ = shared_.clock.now() + by; }
  asio::awaitable<bool> read_head();
  asio::awaitable<bool> answer(std::string head);
  asio::awaitable<bool> send(const Response& response, bool with_body, bool keep_alive);
  asio::awaitable<bool> send_bytes(ByteSpan bytes);
  asio::awaitable<bool> send_body(playback::Body& body, ByteRange range);
  asio::awaitable<bool> send_file(base::File& file, ByteRange range);
  asio::awaitable<bool> send_descriptor(int descriptor, ByteRange range);
  asio::awaitable<bool> send_copy(base::File& file, ByteRange range);
  [[nodiscard]] Response response_to(const HttpRequest& request) const;

  tcp::socket socket_;
  std::string address_;
  Shared& shared_;
  std::string buffer_;  // received, not yet answered
  MonotonicTime deadline_;
  std::optional<MonotonicTime> waits_since_;
};

asio::awaitable<void> Client::talk() {
  while (co_await read_head()) {
    const std::size_t end = *find_head_end(buffer_);
    std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end);
    const bool go_on = co_await answer(std::move(head));
    if (!go_on) break;
  }
  close();
}

/// Waits for a whole head. The first byte may take as long as a kept connection may be idle; the rest 10 s in all.
asio::awaitable<bool> Client::read_head() {
  bool has_begun = !buffer_.empty();
  waits_since_ = shared_.clock.now();
  extend(has_begun ? limits::kHttpHeaderDeadline : limits::kHttpIdle);
  while (!find_head_end(buffer_)) {
    if (buffer_.size() >= limits::kHttpHeaderBytes) {
      const Response refusal =
          error_response(431, "invalid_argument", "the head is larger than 16 KiB");
      co_await send(refusal, true, false);
      co_return false;
    }
    const std::size_t had = buffer_.size();
    buffer_.resize(std::min(had + 4096, limits::kHttpHeaderBytes));
    const auto [error, got] = co_await socket_.async_read_some(
        asio::buffer(buffer_.data() + had, buffer_.size() - had), kAwait);
    buffer_.resize(had + got);
    if (error) co_return false;
    if (!has_begun) {
      has_begun = true;
      extend(limits::kHttpHeaderDeadline);
    }
  }
  waits_since_.reset();
  co_return true;
}

Response Client::response_to(const HttpRequest& request) const {
  if (auto refusal = refuse_foreign(request)) return std::move(*refusal);
  if (request.body_bytes > limits::kHttpBodyBytes)
    return error_response(413, "resource_exhausted", "a body may have at most 1 MiB");
  const Api* api = shared_.api.load(std::memory_order_acquire);
  if (api == nullptr)
    return error_response(503, "unavailable", "the recorder is starting or stopping");
  if (request.body_bytes > 0 && (request.method == "GET" || request.method == "HEAD"))
    return error_response(400, "invalid_argument", "no call here takes a body");
  return dispatch(*api, shared_.authority, request);
}

asio::awaitable<bool> Client::answer(std::string head) {
  shared_.requests.add();
  const auto request = parse_head(head);
  if (!request) {
    const Response refusal = error_response(request.error());
    co_await send(refusal, true, false);
    co_return false;
  }
  // No call takes a body. Reading one only to throw it away would be work for whoever sends the largest, so the
  // connection ends behind the answer.
  const bool goes_on = request->is_keep_alive && request->body_bytes == 0;
  const Response response = response_to(*request);
  // What slow clients have not taken yet is ours to keep, so all of it together has a bound.
  const Share share(shared_.answer_bytes, response.text.size());
  const bool is_too_much = share.total() > limits::kHttpAnswerBytes &&
                           response.text.size() > limits::kHttpSmallAnswerBytes;
  bool sent = false;
  if (is_too_much) {
    const Response refusal = error_response(503, "resource_exhausted",
                                            "too many large answers are on their way; ask again");
    sent = co_await send(refusal, request->method != "HEAD", goes_on);
  } else {
    sent = co_await send(response, request->method != "HEAD", goes_on);
  }
  co_return sent&& goes_on;
}

asio::awaitable<bool> Client::send(const Response& response, bool with_body, bool keep_alive) {
  extend(limits::kHttpWriteStall);
  const bool is_text = with_body && !response.body && response.status != 304;
  std::string bytes = head_of(response, keep_alive, shared_.clock.wall_now());
  if (is_text) bytes += response.text;
  const bool is_sent = co_await send_bytes(as_bytes(bytes));
  if (!is_sent) co_return false;
  if (!with_body || !response.body) co_return true;
  co_return co_await send_body(*response.body, response.range);
}

/// Piece by piece. An error behind the head can only be told by an answer that ends early.
asio::awaitable<bool> Client::send_body(playback::Body& body, ByteRange range) {
  while (range.length > 0) {
    const auto slice = body.slice_at(range.first);
    if (!slice) {
      LT_LOG(shared_.logger, kWarning, "http.answer_cut", {"error", slice.error().message()},
             {"next", "the client sees an answer that ends early and asks again"});
      co_return false;
    }
    const std::uint64_t length = std::min(playback::length_of(*slice), range.length);
    bool is_sent = false;
    if (const auto* memory = std::get_if<playback::MemorySlice>(&*slice)) {
      is_sent =
          co_await send_bytes(std::span(*memory->bytes).subspan(memory->offset_bytes, length));
    } else {
      const auto& part = std::get<playback::FileSlice>(*slice);
      const ByteRange of_file{part.offset_bytes, length};
      is_sent = co_await send_file(*part.file, of_file);
    }
    if (!is_sent) co_return false;
    range.first += length;
    range.length -= length;
  }
  co_return true;
}

asio::awaitable<bool> Client::send_file(base::File& file, ByteRange range) {
  const int descriptor = file.descriptor();
  if (descriptor >= 0) co_return co_await send_descriptor(descriptor, range);
  co_return co_await send_copy(file, range);
}

asio::awaitable<bool> Client::send_bytes(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto [error, count] =
        co_await socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()), kAwait);
    if (error) co_return false;
    bytes = bytes.subspan(count);
    extend(limits::kHttpWriteStall);
  }
  co_return true;
}

/// sendfile(2): the bytes never enter the process.
asio::awaitable<bool> Client::send_descriptor(int descriptor, ByteRange range) {
  auto offset = static_cast<off_t>(range.first);
  std::uint64_t left = range.length;
  socket_.native_non_blocking(true);
  while (left > 0) {
    const ssize_t sent = ::sendfile(socket_.native_handle(), descriptor, &offset,
                                    std::min<std::uint64_t>(left, kFilePieceBytes));
    if (sent == 0)
      co_return false;  // the file is shorter than it was said to be: the client sees a cut answer
    if (sent < 0 && errno != EAGAIN && errno != EINTR) co_return false;
    if (sent > 0) {
      left -= static_cast<std::uint64_t>(sent);
      extend(limits::kHttpWriteStall);
    }
    if (left > 0) {
      const auto [error] = co_await socket_.async_wait(tcp::socket::wait_write, kAwait);
      if (error) co_return false;
    }
  }
  co_return true;
}

asio::awaitable<bool> Client::send_copy(base::File& file, ByteRange range) {
  Bytes piece(kCopyBytes);
  while (range.length > 0) {
    const auto got = file.read_at(
        range.first, std::span(piece).first(std::min<std::uint64_t>(range.length, piece.size())));
    if (!got || *got == 0) co_return false;
    const bool is_sent = co_await send_bytes(std::span(piece).first(*got));
    if (!is_sent) co_return false;
    range.first += *got;
    range.length -= *got;
  }
  co_return true;
}

/// One event loop with its thread and clients.
class Loop {
 public:
  explicit Loop(Shared& shared) : shared_(shared), context_(1), tick_(context_) {}

  asio::io_context& context() { return context_; }

  void start() {
    tick();
    thread_ = std::jthread([this] { context_.run(); });
  }
  /// Closes every client and ends the thread.
  void stop() {
    asio::post(context_, [this] {
      stopping_ = true;
      tick_.cancel();
      for (const auto& client : clients_) client->close();
    });
    if (thread_.joinable()) thread_.join();
  }
  /// Any thread.
  void adopt(tcp::socket socket, std::string address) {
    asio::post(context_, [this, moved = std::move(socket), name = std::move(address)]() mutable {
      if (stopping_ || !make_room(name)) return;  // closed by its destructor
      const auto at = clients_.insert(
          clients_.end(), std::make_unique<Client>(std::move(moved), std::move(name), shared_));
      asio::co_spawn(context_, (*at)->talk(),
                     [this, at](const std::exception_ptr&) { clients_.erase(at); });
    });
  }

 private:
  /// Counts one more client. Past a limit, the one of this loop that has waited longest for a head goes instead: whoever
  /// holds many connections open without a word keeps nobody out.
  bool make_room(const std::string& address) {
    const auto room = shared_.count.enter(address);
    if (room == ConnectionCount::Room::kYes) return true;
    Client* longest = nullptr;
    for (const auto& client : clients_) {
      const bool is_in_the_way =
          room == ConnectionCount::Room::kNotForAnybody || client->address() == address;
      if (is_in_the_way && client->waits_since() &&
          (longest == nullptr || *client->waits_since() < *longest->waits_since()))
        longest = client.get();
    }
    shared_.refused.add();
    if (longest == nullptr) return false;
    longest->close();
    shared_.count.enter_instead(address);
    return true;
  }

  /// Deadlines have a grain of a second, which spares a timer for each connection.
  void tick() {
    tick_.expires_after(std::chrono::seconds(1));
    tick_.async_wait([this](const Error_code& error) {
      if (error || stopping_) return;
      for (const auto& client : clients_) client->close_if_late(shared_.clock.now());
      shared_.open.set(static_cast<double>(shared_.count.total()));
      tick();
    });
  }

  Shared& shared_;
  asio::io_context context_;
  asio::steady_timer tick_;
  std::list<std::unique_ptr<Client>> clients_;
  bool stopping_ = false;
  std::jthread thread_;
};

class RealServer final : public Server {
 public:
  RealServer(base::Logger& logger, base::Metrics& metrics, base::Clock& clock)
      : metrics_(metrics),
        shared_{.logger = logger,
                .clock = clock,
                .requests = metrics.counter("longtake_http_requests_total", "Requests read"),
                .refused = metrics.counter("longtake_http_connections_refused_total",
                                           "Connections ended or refused because of a limit"),
                .accept_failures = metrics.counter("longtake_http_accept_failures_total",
                                                   "Connections that could not be taken"),
                .open = metrics.gauge("longtake_http_connections", "Connections open now"),
                .count = {}} {
    for (int i = 0; i < kLoops; ++i) loops_.push_back(std::make_unique<Loop>(shared_));
    acceptor_.emplace(loops_.front()->context());
    pause_.emplace(loops_.front()->context());
  }
  ~RealServer() override { stop(); }

  Result<void> bind(const ListenAddress& address);
  void serve(archive::Archive& archive, const CameraDirectory& cameras) override;
  [[nodiscard]] std::uint16_t port() const override { return port_; }
  void stop() override;

 private:
  void accept_next();
  void on_accepted(const Error_code& error, tcp::socket socket);

  base::Metrics& metrics_;
  Shared shared_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> pause_;
  std::unique_ptr<Api> api_;
  std::size_t next_loop_ = 0;
  std::uint16_t port_ = 0;
  bool is_running_ = false;
  // Of the first loop's thread.
  std::uint64_t untold_failures_ = 0;           // accepts that failed since the last line about it
  std::optional<MonotonicTime> told_failures_;  // when that was
};

Result<void> RealServer::bind(const ListenAddress& address) {
  Error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--listen {}: not an IP address; write 127.0.0.1:{}", address.host,
                            address.port));
  }
  const tcp::endpoint endpoint(ip, address.port);
  error = acceptor_->open(endpoint.protocol(), error);
  if (!error) error = acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) error = acceptor_->bind(endpoint, error);
  if (!error) error = acceptor_->listen(128, error);
  if (error) {
    const bool is_taken = error == asio::error::address_in_use;
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("cannot listen on {}:{}: {}", address.host, address.port,
                    is_taken
                        ? "another program uses the port; stop it, or name another port by --listen"
                        : error.message()));
  }
  port_ = acceptor_->local_endpoint(error).port();
  return {};
}

void RealServer::serve(archive::Archive& archive, const CameraDirectory& cameras) {
  api_ = std::make_unique<Api>(archive, cameras, metrics_, shared_.clock);
  shared_.api.store(api_.get(), std::memory_order_release);
  is_running_ = true;
  accept_next();
  for (const auto& loop : loops_) loop->start();
}

void RealServer::accept_next() {
  // A connection or a pause that ended just before the stop still has its turn after it.
  if (!acceptor_->is_open()) return;
  acceptor_->async_accept([this](const Error_code& error, tcp::socket socket) {
    on_accepted(error, std::move(socket));
  });
}

void RealServer::on_accepted(const Error_code& error, tcp::socket socket) {
  if (error == asio::error::operation_aborted) return;
  if (error) {
    // Out of descriptors, most likely: trying again at once would spin, and a line for each try flood the log.
    shared_.accept_failures.add();
    ++untold_failures_;
    if (!told_failures_ || shared_.clock.now() - *told_failures_ >= kFailureLogInterval) {
      LT_LOG(shared_.logger, kWarning, "http.accept_failed", {"error", error.message()},
             {"count", untold_failures_}, {"next", "again every 100 ms; recording goes on"});
      told_failures_ = shared_.clock.now();
      untold_failures_ = 0;
    }
    pause_->expires_after(std::chrono::milliseconds(100));
    pause_->async_wait([this](const Error_code& cancelled) {
      if (!cancelled) accept_next();
    });
    return;
  }
  Error_code ignored;  // a client that is gone already has no address; its first read fails
  std::string address = socket.remote_endpoint(ignored).address().to_string();
  static_cast<void>(socket.set_option(tcp::no_delay(true), ignored));
  Loop& loop = *loops_[next_loop_++ % loops_.size()];
  const auto protocol = acceptor_->local_endpoint(ignored).protocol();
  tcp::socket moved(loop.context(), protocol, socket.release());
  loop.adopt(std::move(moved), std::move(address));
  accept_next();
}

void RealServer::stop() {
  if (!is_running_) return;
  is_running_ = false;
  shared_.api.store(nullptr, std::memory_order_release);
  asio::post(loops_.front()->context(), [this] {
    Error_code ignored;  // nothing can be done for an acceptor that does not close
    static_cast<void>(acceptor_->close(ignored));
    pause_->cancel();
  });
  for (const auto& loop : loops_) loop->stop();
  api_.reset();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(const ListenAddress& address, base::Logger& logger,
                                               base::Metrics& metrics, base::Clock& clock) {
  auto server = std::make_unique<RealServer>(logger, metrics, clock);
  LT_TRY(server->bind(address));
  return server;
}

}  // namespace longtake::server
