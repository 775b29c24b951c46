#include "rtsp/camera.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace longtake::rtsp {

namespace {

using media::Reason;

constexpr int kReceivesPerBatch = 4;  // then the shard's other cameras have their turn
constexpr nanoseconds kRateWindow = seconds(1);
constexpr std::size_t kMaxLowWaterMark = 128 * 1024;  // well below what a socket buffer grows to
constexpr nanoseconds kProvenSession = seconds(1);    // media for that long starts the backoff over

Reason reason_of(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kNotFound:
      return Reason::kDnsFailed;
    case ErrorCode::kDeadlineExceeded:
      return Reason::kCameraTimeout;
    default:
      return Reason::kCameraDisconnected;
  }
}

}  // namespace

Camera::Camera(CameraConfig config, base::Executor& executor, base::Network& network,
               ReceiveBuffer& buffer, HandshakeGate& gate, base::Random& random,
               base::Logger& logger, media::ItemSink& sink)
    : config_(std::move(config)),
      executor_(executor),
      network_(network),
      buffer_(buffer),
      gate_(gate),
      random_(random),
      logger_(logger),
      sink_(sink),
      tick_(executor),
      slot_limit_(executor),
      retry_(executor),
      backoff_(random) {
  totals_.url = config_.url.display();
  publish_status();
}

Camera::~Camera() = default;

void Camera::start() { ask_for_slot(); }

void Camera::ask_for_slot() {
  ticket_ = gate_.ask(executor_, [this](HandshakeGate::Slot slot) {
    slot_ = std::move(slot);
    slot_limit_.start_after(kSlotPatience, [this] { slot_.release(); });
    connect();
  });
}

void Camera::connect() {
  ++attempts_;
  // The name is resolved anew each time: cameras move (CAM-28).
  connection_ = network_.connect(config_.url.host_port(), limits::kConnectDeadline, *this);
}

void Camera::on_connected() {
  const MonotonicTime now = executor_.clock().now();
  session_ =
      std::make_unique<Session>(config_.url, config_.username, config_.password, random_, sink_);
  low_water_mark_ = 1;
  window_bytes_ = 0;
  window_start_ = now;
  last_tick_ = now;
  session_->start(now);
  start_tick();
  flush();
}

void Camera::on_failed(const Error& error) {
  const std::string where = session_ ? "connection lost" : "cannot connect";
  end_session(reason_of(error), fmt::format("{}: {}", where, error.message()));
}

void Camera::on_readable() {
  if (session_ && !was_frozen(executor_.clock().now())) receive_batch();
}

void Camera::receive_batch() {
  const MonotonicTime now = executor_.clock().now();
  for (int i = 0; i < kReceivesPerBatch; ++i) {
    if (!receive_once(now)) return;
  }
}

/// Whether there may be more to receive at once.
bool Camera::receive_once(MonotonicTime now) {
  const std::span<std::byte> buffer = buffer_.bytes();
  LT_CHECK(carry_.size() < buffer.size());
  std::ranges::copy(carry_, buffer.begin());
  const std::span<std::byte> room = buffer.subspan(carry_.size());
  const auto received = connection_->receive(room);
  if (!received) {
    end_session(reason_of(received.error()),
                fmt::format("connection lost: {}", received.error().message()));
    return false;
  }
  totals_.bytes_received += received->bytes;
  window_bytes_ += received->bytes;
  if (received->bytes > 0) {
    const ByteSpan bytes = buffer.first(carry_.size() + received->bytes);
    const std::size_t done = session_->feed(bytes, now);
    carry_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(done), bytes.end());
  }
  if (received->end) session_->on_closed();
  after_session_step(now);
  return session_ && !received->end && received->bytes == room.size();
}

/// After anything that may have moved the session on: send, notice that it plays, notice that it is
/// over.
void Camera::after_session_step(MonotonicTime now) {
  if (!is_playing_ && session_->is_playing()) on_playing(now);
  if (const auto ended = session_->ended()) {
    if (is_stopping_) return finish_stop();
    return end_session(ended->reason, ended->detail);
  }
  if (!flush()) return;
  if (is_stopping_ && session_->is_torn_down()) finish_stop();
}

/// False when sending ended the session.
bool Camera::flush() {
  const Bytes output = session_->take_output();
  if (output.empty()) return true;
  const auto sent = connection_->send(output);
  if (sent) return true;
  end_session(reason_of(sent.error()), fmt::format("cannot send: {}", sent.error().message()));
  return false;
}

void Camera::on_playing(MonotonicTime now) {
  is_playing_ = true;
  playing_since_ = now;
  attempts_ = 0;
  last_reason_.reset();
  slot_.release();
  ++sessions_;
  totals_.last_error.reset();
  LT_LOG(logger_, kInfo, "camera.connected", {"camera", config_.name},
         {"url", config_.url.display()}, {"skipped_tracks", session_->skipped().size()});
  publish_status();
}

/// Ticks fall on multiples of 100 ms, so that all cameras of a shard share one wake-up.
void Camera::start_tick() {
  const nanoseconds now = executor_.clock().now().time_since_epoch();
  tick_.start_at(MonotonicTime((now / kTick + 1) * kTick), [this] { on_tick(); });
}

/// A process that was frozen (SIGSTOP, a paused virtual machine) has sockets full of old bytes and
/// cameras that gave up: better anew (HOST-19).
bool Camera::was_frozen(MonotonicTime now) {
  const nanoseconds late = now - last_tick_ - kTick;
  if (late <= kStallLimit) return false;
  end_session(Reason::kProcessStalled, fmt::format("this process did not run for {:.1f} s",
                                                   std::chrono::duration<double>(late).count()));
  return true;
}

void Camera::on_tick() {
  const MonotonicTime now = executor_.clock().now();
  if (was_frozen(now)) return;
  last_tick_ = now;
  start_tick();
  // The usual rate stays below the low-water mark: look for it here.
  receive_batch();
  if (!session_) return;
  session_->on_tick(now);
  after_session_step(now);
  if (session_ && now - window_start_ >= kRateWindow) adapt_low_water_mark(now);
}

/// Wake-ups, not bytes, are the price of receiving, so what comes at the usual rate is fetched by the
/// tick, which all cameras of a shard share. Only what comes much faster (a key frame, a burst after a
/// stall) wakes the shard by itself. Either way bytes wait for at most 100 ms.
void Camera::adapt_low_water_mark(MonotonicTime now) {
  const auto elapsed_ms = std::chrono::duration_cast<milliseconds>(now - window_start_).count();
  const std::uint64_t bytes_per_tick =
      window_bytes_ * (kTick / milliseconds(1)) / static_cast<std::uint64_t>(elapsed_ms);
  window_bytes_ = 0;
  window_start_ = now;
  publish_status();
  if (!is_playing_) return;
  const std::size_t wanted = std::clamp<std::size_t>(bytes_per_tick * 5 / 2, 1, kMaxLowWaterMark);
  const bool is_close =
      wanted <= low_water_mark_ + low_water_mark_ / 4 && low_water_mark_ <= wanted + wanted / 4;
  if (is_close) return;
  low_water_mark_ = wanted;
  connection_->set_low_water_mark(wanted);
}

void Camera::end_session(Reason reason, const std::string& detail) {
  const MonotonicTime now = executor_.clock().now();
  if (is_stopping_) return finish_stop();
  const bool was_playing = is_playing_;
  const MonotonicTime last_media =
      was_playing && session_->last_media() ? *session_->last_media() : now;
  if (session_ && reason == Reason::kCameraStalled) {
    // Cameras with few sessions keep a dead one until it expires; a goodbye that arrives frees it.
    session_->tear_down(now);
    const Bytes goodbye = session_->take_output();
    if (!connection_->send(goodbye)) {
      // Nothing is lost: the connection is given up in any case.
    }
  }
  const nanoseconds lasted = was_playing ? last_media - playing_since_ : nanoseconds(0);
  close_connection();
  const nanoseconds delay = retry_delay(reason, lasted);
  report_end(reason, detail, was_playing, last_media, delay);
  retry_.start_after(delay, [this] { ask_for_slot(); });
}

nanoseconds Camera::retry_delay(Reason reason, nanoseconds media_lasted) {
  if (reason == Reason::kAuthFailed)
    return kAuthRetry;  // cameras lock out who tries too often (CAM-05)
  if (media_lasted >= kProvenSession || reason == Reason::kProcessStalled) backoff_.reset();
  return backoff_.next();
}

void Camera::report_end(Reason reason, const std::string& detail, bool was_playing,
                        MonotonicTime at, nanoseconds retry_after) {
  const double retry_s = std::chrono::duration<double>(retry_after).count();
  totals_.last_error =
      fmt::format("{}; next try in {:.1f} s (attempt {})", detail, retry_s, attempts_ + 1);
  publish_status();
  if (!was_playing && last_reason_ == reason) {
    LT_LOG(logger_, kDebug, "camera.still_away", {"camera", config_.name},
           {"reason", to_string(reason)}, {"detail", detail}, {"attempts", attempts_},
           {"retry_in", retry_after});
    return;
  }
  last_reason_ = reason;
  LT_LOG(logger_, kWarning, "camera.session_ended", {"camera", config_.name},
         {"url", config_.url.display()}, {"reason", to_string(reason)}, {"detail", detail},
         {"retry_in", retry_after});
  sink_.on_item(media::SessionEnded{reason, detail, at});
}

void Camera::close_connection() {
  tick_.cancel();
  connection_.reset();
  if (session_) {
    const Session::Counters counters = session_->counters();
    totals_.packets_received += counters.packets_received;
    totals_.packets_lost += counters.packets_lost;
    totals_.packets_stray += counters.packets_stray;
    totals_.malformed += counters.malformed;
    totals_.junk_bytes += counters.junk_bytes;
    totals_.skipped = session_->skipped();
    totals_.tracks = session_->configs();
  }
  session_.reset();
  ticket_.cancel();
  slot_limit_.cancel();
  slot_.release();
  carry_ = Bytes();
  is_playing_ = false;
}

void Camera::stop(base::Task done, Reason why) {
  stopped_ = std::move(done);
  stop_reason_ = why;
  is_stopping_ = true;
  retry_.cancel();
  const MonotonicTime now = executor_.clock().now();
  stop_at_ = is_playing_ ? session_->last_media().value_or(now) : now;
  if (!session_ || !session_->has_session()) return finish_stop();
  session_->tear_down(now);
  connection_->set_low_water_mark(1);  // the answer is short
  retry_.start_after(kTearDownPatience, [this] { finish_stop(); });
  flush();
}

void Camera::finish_stop() {
  const bool was_playing = is_playing_;
  close_connection();
  retry_.cancel();
  publish_status();
  if (was_playing) sink_.on_item(media::SessionEnded{stop_reason_, "stopped", stop_at_});
  if (stopped_) executor_.post(std::exchange(stopped_, {}));
}

void Camera::publish_status() {
  auto status = std::make_shared<CameraStatus>(totals_);
  status->connected = is_playing_;
  status->reconnects = sessions_ > 0 ? sessions_ - 1 : 0;
  if (session_) {
    const Session::Counters counters = session_->counters();
    status->packets_received += counters.packets_received;
    status->packets_lost += counters.packets_lost;
    status->packets_stray += counters.packets_stray;
    status->malformed += counters.malformed;
    status->junk_bytes += counters.junk_bytes;
    status->skipped = session_->skipped();
    status->tracks = session_->configs();
  }
  const base::MutexLock lock(mutex_);
  status_ = std::move(status);
}

std::shared_ptr<const CameraStatus> Camera::status() const {
  const base::MutexLock lock(mutex_);
  return status_;
}

}  // namespace longtake::rtsp
