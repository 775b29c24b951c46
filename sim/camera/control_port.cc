#include "sim/camera/control_port.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace longtake::camsim {
namespace {

constexpr std::size_t kMaxInputBytes = 65536;

// Answers are small and their reader waits for them: one send that may block for at most a second
// (SO_SNDTIMEO).
bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

void ControlPort::add(Descriptor socket) {
  const timeval one_second{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &one_second, sizeof one_second);
  const int key = socket.get();
  connections_[key] = Connection{std::move(socket), {}};
}

void ControlPort::on_readable(int socket) {
  Connection& connection = connections_.at(socket);
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
  bool is_alive = got > 0;
  if (is_alive) connection.input.append(buffer.data(), static_cast<std::size_t>(got));
  for (auto end = connection.input.find('\n'); is_alive && end != std::string::npos;
       end = connection.input.find('\n')) {
    const std::string line = connection.input.substr(0, end);
    connection.input.erase(0, end + 1);
    is_alive = send_all(socket, execute_(line));
  }
  if (!is_alive || connection.input.size() > kMaxInputBytes) connections_.erase(socket);
}

}  // namespace longtake::camsim
