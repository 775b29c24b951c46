#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/network.h"
#include "rtsp/message.h"
#include "rtsp/test_support.h"

/// A network in virtual time with one camera behind it, for tests of the driver.
namespace longtake::rtsp::test {

class FakeNetwork;

/// The recorder's end of a connection; its other end is the fake camera's, by the methods of FakeNetwork.
class FakeConnection final : public base::Connection {
 public:
  FakeConnection(FakeNetwork& network, base::ConnectionHandler& handler)
      : network_(network), handler_(handler) {}
  ~FakeConnection() override;

  Result<Received> receive(std::span<std::byte> into) override {
    if (error) return std::unexpected(*error);
    const std::size_t count = std::min(into.size(), arrived.size());
    std::copy_n(arrived.begin(), count, into.begin());
    arrived.erase(arrived.begin(), arrived.begin() + static_cast<std::ptrdiff_t>(count));
    return Received{.bytes = count, .end = is_closed && arrived.empty()};
  }
  Result<void> send(std::span<const std::byte> bytes) override;
  void set_low_water_mark(std::size_t bytes) override { low_water_mark = bytes; }
  [[nodiscard]] std::string peer() const override { return "192.0.2.7:554"; }
  [[nodiscard]] base::ConnectionHandler& handler() { return handler_; }

  Bytes arrived;  // sent by the camera, not yet received
  bool is_closed = false;
  std::optional<Error> error;
  std::size_t low_water_mark = 1;

 private:
  FakeNetwork& network_;
  base::ConnectionHandler& handler_;
};

class FakeNetwork final : public base::Network {
 public:
  struct Attempt {
    MonotonicTime at;
    base::HostPort to;
  };

  explicit FakeNetwork(base::Executor& executor) : executor_(executor) {}

  std::unique_ptr<base::Connection> connect(const base::HostPort& to, nanoseconds,
                                            base::ConnectionHandler& handler) override {
    attempts.push_back({executor_.clock().now(), to});
    auto connection = std::make_unique<FakeConnection>(*this, handler);
    connection_ = connection.get();
    if (connect_error) {
      later([this, failure = *connect_error] { connection_->handler().on_failed(failure); });
    } else if (!never_connects) {
      later([this] { connection_->handler().on_connected(); });
    }
    return connection;
  }

  /// The camera sends; its bytes arrive when the executor runs next.
  void deliver(ByteSpan bytes) {
    if (connection_ == nullptr) return;
    connection_->arrived.insert(connection_->arrived.end(), bytes.begin(), bytes.end());
    if (connection_->arrived.size() < connection_->low_water_mark) return;
    later([this] { connection_->handler().on_readable(); });
  }
  void close() {
    connection_->is_closed = true;
    later([this] { connection_->handler().on_readable(); });
  }
  void reset() {
    connection_->error = Error(ErrorCode::kUnavailable, "connection reset by peer");
    later([this] { connection_->handler().on_readable(); });
  }

  [[nodiscard]] FakeConnection* connection() { return connection_; }
  [[nodiscard]] std::size_t count(std::string_view method) const {
    return static_cast<std::size_t>(std::ranges::count(methods, method));
  }

  std::vector<Attempt> attempts;
  std::vector<std::string> methods;  // of every request received
  std::optional<Error> connect_error;
  bool never_connects = false;
  bool is_silent = false;        // answers nothing
  std::string password_refused;  // a WWW-Authenticate for every answer
  std::string sdp;

 private:
  friend class FakeConnection;

  /// Runs unless the connection is gone by then.
  void later(base::Task task) {
    executor_.post([this, of = connection_, work = std::move(task)]() mutable {
      if (connection_ == of && connection_ != nullptr) work();
    });
  }
  void on_sent(ByteSpan bytes) {
    while (!bytes.empty()) {
      if (bytes[0] == std::byte{'$'}) return;  // receiver reports
      const auto taken = parser_.consume(bytes);
      if (!taken || !parser_.is_complete()) return;
      bytes = bytes.subspan(*taken);
      answer(parser_.take());
    }
  }
  void answer(const Message& request) {
    methods.push_back(request.method);
    if (is_silent) return;
    std::string text =
        password_refused.empty() ? "RTSP/1.0 200 OK\r\n" : "RTSP/1.0 401 Unauthorized\r\n";
    text += "CSeq: " + std::string(request.header("CSeq")) + "\r\n";
    if (!password_refused.empty()) text += "WWW-Authenticate: " + password_refused + "\r\n";
    if (request.method == "SETUP") text += "Session: abc;timeout=60\r\n";
    if (request.method == "DESCRIBE")
      text += "Content-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
    if (request.method != "DESCRIBE") text += "\r\n";
    deliver(as_bytes(text));
  }

  base::Executor& executor_;
  FakeConnection* connection_ = nullptr;
  MessageParser parser_;
};

inline FakeConnection::~FakeConnection() {
  if (network_.connection_ == this) network_.connection_ = nullptr;
}
inline Result<void> FakeConnection::send(std::span<const std::byte> bytes) {
  if (error) return std::unexpected(*error);
  network_.on_sent(bytes);
  return {};
}

}  // namespace longtake::rtsp::test
