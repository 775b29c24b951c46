#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/network.h"
#include "base/random.h"
#include "base/secret.h"
#include "media/item.h"
#include "rtsp/backoff.h"
#include "rtsp/handshake_gate.h"
#include "rtsp/receive_buffer.h"
#include "rtsp/session.h"
#include "rtsp/url.h"

namespace longtake::rtsp {

struct CameraConfig {
  std::string name;
  Url url;
  std::string username;  // empty: none
  base::Secret password;
};

/// How a camera is doing, as it was at most a second ago.
struct CameraStatus {
  std::string url;                        // without user info
  bool connected = false;                 // PLAY was answered and the session lives
  std::optional<std::string> last_error;  // why there is no session; nothing while connected
  std::uint64_t reconnects = 0;           // sessions after the first
  std::uint64_t packets_received = 0;     // these and the following: over all sessions
  std::uint64_t packets_lost = 0;
  std::uint64_t packets_stray = 0;  // of an SSRC that never proved itself
  std::uint64_t malformed = 0;      // packets or parts of them that could not be read
  std::uint64_t junk_bytes = 0;     // between interleaved frames
  std::uint64_t bytes_received = 0;
  std::vector<media::SkippedTrack> skipped;   // of the present or last session
  std::vector<media::TrackConfigPtr> tracks;  // likewise, as far as known
};

/// Keeps one camera's session alive for as long as it runs: connects, receives in batches,
/// reconnects, stops in order. The one place of rtsp that touches a socket.
///
/// Items go to the sink in the order media/item.h states. A stop delivers SessionEnded too, if a
/// session was alive.
///
/// Ownership  borrows everything it is given; all of it must outlive the camera, the buffer's users
///            being one at a time.
/// Thread     lives and dies on its executor's thread; `status` from any thread. The sink must not
///            call back into it.
/// Limits     8 handshakes at a time by the gate; a try each 60 s after wrong credentials, else
///            0.25 to 10 s apart; holds less than one interleaved frame of bytes, one message, and
///            one access unit per track.
/// Errors     never returned: each ends a session, is reported as SessionEnded (once for each
///            reason in a row), logged, shown in `status`, and tried again.
/// Source     docs/design/rtsp.md, "The driver"; FAULTS CAM-01…05, 26…28, HOST-19.
class Camera final : private base::ConnectionHandler {
 public:
  static constexpr nanoseconds kTick = milliseconds(100);
  static constexpr nanoseconds kAuthRetry = seconds(60);
  static constexpr nanoseconds kStallLimit =
      seconds(5);  // a tick later by more: the process was frozen
  static constexpr nanoseconds kTearDownPatience = seconds(1);
  /// A handshake may hold its slot for so long: waiting for a slow or dead camera costs nothing.
  static constexpr nanoseconds kSlotPatience = seconds(1);

  Camera(CameraConfig config, base::Executor& executor, base::Network& network,
         ReceiveBuffer& buffer, HandshakeGate& gate, base::Random& random, base::Logger& logger,
         media::ItemSink& sink);
  ~Camera() override;

  void start();
  /// Ends the session with TEARDOWN and waits at most a second for its answer. `done` runs as a
  /// task of its own and may destroy the camera. `why` goes into the SessionEnded of a living
  /// session.
  void stop(base::Task done, media::Reason why = media::Reason::kOperatorStop);

  [[nodiscard]] std::shared_ptr<const CameraStatus> status() const;

 private:
  void on_connected() override;
  void on_readable() override;
  void on_failed(const Error& error) override;

  void ask_for_slot();
  void connect();
  void receive_batch();
  bool receive_once(MonotonicTime now);
  void start_tick();
  void on_tick();
  bool was_frozen(MonotonicTime now);
  void after_session_step(MonotonicTime now);
  void on_playing(MonotonicTime now);
  bool flush();
  void adapt_low_water_mark(MonotonicTime now);
  void end_session(media::Reason reason, const std::string& detail);
  void report_end(media::Reason reason, const std::string& detail, bool was_playing,
                  MonotonicTime at, nanoseconds retry_after);
  nanoseconds retry_delay(media::Reason reason, nanoseconds media_lasted);
  void close_connection();
  void finish_stop();
  void publish_status();

  CameraConfig config_;
  base::Executor& executor_;
  base::Network& network_;
  ReceiveBuffer& buffer_;
  HandshakeGate& gate_;
  base::Random& random_;
  base::Logger& logger_;
  media::ItemSink& sink_;

  HandshakeGate::Ticket ticket_;
  HandshakeGate::Slot slot_;
  std::unique_ptr<base::Connection> connection_;
  std::unique_ptr<Session> session_;
  Bytes carry_;  // the beginning of a frame, until the rest comes
  base::Timer tick_;
  base::Timer slot_limit_;  // gives the slot back while a slow handshake goes on
  base::Timer retry_;       // next try, or the end of patience while stopping
  Backoff backoff_;
  MonotonicTime last_tick_;
  MonotonicTime playing_since_;
  bool is_playing_ = false;  // SessionStarted was delivered
  std::size_t low_water_mark_ = 1;
  std::uint64_t window_bytes_ = 0;  // since window_start_, for the rate
  MonotonicTime window_start_;
  std::optional<media::Reason> last_reason_;  // delivered, with no session since
  unsigned attempts_ = 0;                     // in a row without a session
  std::uint64_t sessions_ = 0;
  base::Task stopped_;
  media::Reason stop_reason_ = media::Reason::kOperatorStop;
  bool is_stopping_ = false;
  MonotonicTime stop_at_;  // when the last media came, for SessionEnded
  CameraStatus totals_;    // of the sessions before this one; the rest is filled in when published

  mutable base::Mutex mutex_;
  std::shared_ptr<const CameraStatus> status_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::rtsp
