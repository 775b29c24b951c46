#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sim/camera/client.h"

namespace longtake::camsim {

/// The connections through which tests and people command the simulator: a line in, lines out.
///
/// Limits     64 KiB without a line's end closes a connection.
class ControlPort {
 public:
  /// Answers one command; the answer's last line begins with `ok` or `error`.
  using Execute = std::function<std::string(std::string_view line)>;

  explicit ControlPort(Execute execute) : execute_(std::move(execute)) {}

  void add(Descriptor socket);
  [[nodiscard]] bool owns(int socket) const { return connections_.contains(socket); }
  /// Reads and answers; closes the connection when its peer did.
  void on_readable(int socket);

 private:
  struct Connection {
    Descriptor socket;
    std::string input;
  };
  Execute execute_;
  std::map<int, Connection> connections_;
};

}  // namespace longtake::camsim
