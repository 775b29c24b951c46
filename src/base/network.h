#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace longtake::base {

struct HostPort {
  std::string host;  // name, IPv4, or IPv6 without brackets
  std::uint16_t port = 0;
};

/// What a connection tells its owner. All calls come on the executor's thread, never from inside a
/// call into the connection. The owner may destroy the connection from inside any of them.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  virtual void on_connected() = 0;
  /// At least the low-water mark of bytes wait, or the peer has closed: call `receive`.
  virtual void on_readable() = 0;
  /// Connecting or sending failed; nothing follows. The code tells why: kNotFound = the name does
  /// not resolve, kUnavailable = refused or reset, kDeadlineExceeded = no answer in time.
  virtual void on_failed(const Error& error) = 0;
};

/// One TCP connection. Destroying it closes it; no handler call follows.
///
/// Thread     confined to its executor's thread.
/// Limits     at most 256 KiB wait to be sent; past that `send` answers kResourceExhausted and
///            sends nothing.
class Connection {
 public:
  struct Received {
    std::size_t bytes = 0;  // 0 with !end: nothing waits
    bool end = false;       // the peer closed in order
  };

  virtual ~Connection() = default;
  /// Takes what has arrived, without waiting, whatever the low-water mark.
  virtual Result<Received> receive(std::span<std::byte> into) = 0;
  /// Takes all or nothing. kFailedPrecondition when not connected; that the connection breaks while
  /// sending is told by `on_failed`, not here.
  virtual Result<void> send(std::span<const std::byte> bytes) = 0;
  /// `on_readable` waits for this many bytes (SO_RCVLOWAT): wake-ups are the price of receiving.
  virtual void set_low_water_mark(std::size_t bytes) = 0;
  /// Address connected to, for messages: "192.0.2.7:554"; empty before and after.
  [[nodiscard]] virtual std::string peer() const = 0;
};

/// Opens connections on one executor, which outlives them.
class Network {
 public:
  virtual ~Network() = default;
  /// Resolves (each time anew) and connects; the answer comes by the handler, within `timeout`.
  virtual std::unique_ptr<Connection> connect(const HostPort& to, nanoseconds timeout,
                                              ConnectionHandler& handler) = 0;
};

}  // namespace longtake::base
