#include "sim/camera/outbox.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace longtake::camsim {

void Outbox::append(std::string_view text) { ByteWriter(bytes_).text(text); }

void Outbox::end_picture(const SentPicture& picture) {
  pictures_.push_back({discarded_ + bytes_.size(), picture});
}

Outbox::Outcome Outbox::write(int socket, SentLog& log) {
  return write_some(socket, log, SIZE_MAX);
}

Outbox::Outcome Outbox::trickle(int socket, SentLog& log, SimTime now) {
  if (now < next_trickle_) return pending() == 0 ? Outcome::kEmpty : Outcome::kBlocked;
  next_trickle_ = now + std::chrono::seconds(1);
  return write_some(socket, log, 1);
}

Outbox::Outcome Outbox::write_some(int socket, SentLog& log, std::size_t limit) {
  while (pending() > 0 && limit > 0) {
    const std::size_t size = std::min(pending(), limit);
    const ssize_t sent =
        ::send(socket, bytes_.data() + written_, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      return Outcome::kBroken;
    }
    written_ += static_cast<std::size_t>(sent);
    limit -= static_cast<std::size_t>(sent);
  }
  while (!pictures_.empty() && pictures_.front().position <= discarded_ + written_) {
    log.write(pictures_.front().picture);
    pictures_.pop_front();
  }
  // Shrinking only at the end or after much keeps the copying below the sending.
  if (pending() == 0 || written_ > kFullBytes) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(written_));
    discarded_ += written_;
    written_ = 0;
  }
  return pending() == 0 ? Outcome::kEmpty : Outcome::kBlocked;
}

}  // namespace longtake::camsim
