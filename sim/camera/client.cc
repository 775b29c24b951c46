#include "sim/camera/client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace longtake::camsim {
namespace {

constexpr std::uint64_t kFloodBytes = 1ULL << 30U;

std::string_view opening_of(FloodMode mode) {
  switch (mode) {
    case FloodMode::kNone:
      return "";
    case FloodMode::kHeaders:
      return "RTSP/1.0 200 OK\r\n";
    case FloodMode::kLine:
      return "RTSP/1.0 200 OK\r\nX-Endless: ";
    case FloodMode::kBody:
      return "RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: "
             "1073741824\r\n\r\n";
  }
  return "";
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    value_ = std::exchange(other.value_, -1);
  }
  return *this;
}

void Descriptor::reset() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

Client::Client(Descriptor socket, std::uint64_t number, RtspDialogue::FindCamera find,
               std::uint64_t seed, SentLog& sent, EventLog& events)
    : socket_(std::move(socket)),
      number_(number),
      dialogue_(std::move(find), number, seed),
      sent_(sent),
      events_(events) {}

bool Client::wants_to_write() const {
  if (is_frozen_ || (camera() != nullptr && camera()->settings.trickles)) return false;
  return outbox_.pending() > 0 || flood_left_ > 0;
}

SimTime Client::next_due(SimTime now) const {
  const SimTime soon = now + std::chrono::seconds(1);
  if (is_frozen_ || outbox_.is_full() || sender() == nullptr || camera()->settings.stalled_until)
    return soon;
  return std::min(soon, sender()->next_due(now));
}

void Client::on_readable(SimTime now) {
  std::array<std::byte, 16384> buffer;
  while (!is_closed() && !is_frozen_) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) return close(CloseKind::kFin, got == 0 ? "by_client" : "reset_by_client");
    reader_.append(std::span(buffer).first(static_cast<std::size_t>(got)));
    while (const auto request = reader_.next()) answer(*request, now);
    if (reader_.is_broken()) return close(CloseKind::kFin, "request_too_large");
    write(now);
  }
}

void Client::answer(const RtspRequest& request, SimTime now) {
  const bool was_playing = sender() != nullptr && sender()->is_playing();
  RtspDialogue::Answer answer = dialogue_.answer(request, now);
  const std::string_view path = camera() != nullptr ? std::string_view(camera()->name()) : "-";
  events_.write(
      path, "request",
      fmt::format("client={} method={} status={}", number_, request.method, answer.status));
  if (camera() != nullptr) {
    const CameraSettings& settings = camera()->settings;
    if (settings.frozen_until && now < *settings.frozen_until) return freeze();
    if (settings.flood != FloodMode::kNone) return begin_flood(settings.flood);
  }
  outbox_.append(answer.text);
  if (answer.closes) closes_when_empty_ = true;
  if (!was_playing && sender() != nullptr && sender()->is_playing()) {
    events_.write(path, "play",
                  fmt::format("client={} first={}", number_, sender()->next_picture()));
  }
}

void Client::begin_flood(FloodMode mode) {
  outbox_.append(opening_of(mode));
  flood_ = mode == FloodMode::kHeaders
               ? "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
               : "aaaaaaaaaaaaaaaa";
  flood_left_ = kFloodBytes;
}

void Client::feed_flood() {
  while (flood_left_ > 0 && outbox_.pending() < 65536) {
    outbox_.append(flood_);
    flood_left_ -= std::min<std::uint64_t>(flood_left_, flood_.size());
  }
}

void Client::tick(SimTime now) {
  if (is_closed() || is_frozen_) return;
  if (dialogue_.is_expired(now)) {
    events_.write(camera()->name(), "expired", fmt::format("client={}", number_));
    return close(CloseKind::kFin, "session_expired");
  }
  if (sender() != nullptr) sender()->send_due(now, outbox_, sent_.is_kept(), events_);
  write(now);
}

void Client::write(SimTime now) {
  if (is_frozen_) return;
  feed_flood();
  const bool trickles = camera() != nullptr && camera()->settings.trickles;
  const auto outcome =
      trickles ? outbox_.trickle(socket_.get(), sent_, now) : outbox_.write(socket_.get(), sent_);
  if (outcome == Outbox::Outcome::kBroken) return close(CloseKind::kFin, "broken_by_client");
  if (outcome != Outbox::Outcome::kEmpty) return;
  if (closes_when_empty_) return close(CloseKind::kFin, "answered");
  if (sender() != nullptr && sender()->was_cut()) close(close_kind_, "cut_in_picture");
}

void Client::cut_next_picture(CloseKind kind) {
  close_kind_ = kind;
  if (sender() != nullptr) sender()->cut_next_picture();
}

void Client::close(CloseKind kind, std::string_view why) {
  if (is_closed()) return;
  if (kind == CloseKind::kReset) {
    const linger at_once{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  const std::string_view path = camera() != nullptr ? std::string_view(camera()->name()) : "-";
  events_.write(path, "closed", fmt::format("client={} why={}", number_, why));
  socket_.reset();
}

}  // namespace longtake::camsim
