#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "media/item.h"
#include "rtsp/auth.h"
#include "rtsp/interleaved.h"
#include "rtsp/keep_alive.h"
#include "rtsp/message.h"
#include "rtsp/track_plan.h"
#include "rtsp/url.h"

namespace longtake::rtsp {

/// Why a session is over: in the closed list, and in words for the operator.
struct SessionEnd {
  media::Reason reason = media::Reason::kCameraDisconnected;
  std::string detail;
};

/// One RTSP conversation over one TCP connection, from OPTIONS to TEARDOWN, as a pure state
/// machine: bytes and ticks in; bytes to send, items and an end out. It opens nothing and asks no
/// clock.
///
/// Ownership  borrows the sink and the source of randomness.
/// Thread     confined to its owner's thread. The sink is called from inside `feed`; it must not
///            call back.
/// Limits     base/limits.h: one message at a time, one frame at a time, kTracksPerSession,
///            kRtspJunkBytes; a message or frame must be whole, and an answer come, within
///            kRtspMessageDeadline.
/// Errors     never returned: they end the session, and `ended` says why. Media oddities never do.
/// Source     RFC 2326; docs/design/rtsp.md, "A session".
class Session {
 public:
  struct Counters {
    std::uint64_t packets_received = 0;  // RTP of tracks set up
    std::uint64_t packets_lost = 0;
    std::uint64_t packets_stray = 0;   // of an SSRC that never proved itself
    std::uint64_t malformed = 0;       // packets or parts of them that could not be read
    std::uint64_t junk_bytes = 0;      // between frames
    std::uint64_t unknown_frames = 0;  // on channels of no track
    std::uint64_t units = 0;           // access units delivered
  };

  Session(Url url, std::string username, base::Secret password, base::Random& random,
          media::ItemSink& sink);

  /// The connection stands: the first request is ready to be sent.
  void start(MonotonicTime now);
  /// Takes bytes in order and returns how many are done with. What is left, always less than one
  /// frame, must come again in front of what follows.
  std::size_t feed(ByteSpan bytes, MonotonicTime now);
  /// Deadlines, keep-alive, watchdog, receiver reports. To be called every 100 ms or so.
  void on_tick(MonotonicTime now);
  /// The peer closed the connection.
  void on_closed();
  /// Asks the camera to end the session, even one that is over for us; `is_torn_down` tells when it
  /// has answered.
  void tear_down(MonotonicTime now);

  /// What is to be sent now; empty when nothing is.
  Bytes take_output();

  [[nodiscard]] bool is_playing() const { return state_ == State::kPlaying; }
  [[nodiscard]] bool is_torn_down() const { return state_ == State::kTornDown; }
  /// There is a session on the camera that deserves a TEARDOWN.
  [[nodiscard]] bool has_session() const { return !session_id_.empty(); }
  [[nodiscard]] const std::optional<SessionEnd>& ended() const { return end_; }
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] const std::vector<media::SkippedTrack>& skipped() const { return plan_.skipped; }
  [[nodiscard]] std::vector<media::TrackConfigPtr> configs() const;
  /// When the last packet of the watched track came; nothing before PLAY.
  [[nodiscard]] std::optional<MonotonicTime> last_media() const;

 private:
  enum class State : std::uint8_t {
    kConnecting,
    kOptions,
    kDescribe,
    kSetup,
    kPlay,
    kPlaying,
    kTearingDown,
    kTornDown
  };
  enum class Purpose : std::uint8_t { kHandshake, kKeepAlive, kTearDown };
  struct Request {
    Purpose purpose = Purpose::kHandshake;
    std::string method;
    std::string uri;
    std::string headers;         // further lines, each with its line end
    std::uint32_t sequence = 0;  // CSeq
    bool had_authorization = false;
    bool is_repeated = false;  // sent again after a 401 to credentials
    MonotonicTime sent;
  };
  struct Channel {
    std::int8_t track = -1;  // index in plan_.tracks
    bool is_rtcp = false;
  };

  void end(media::Reason reason, std::string detail);
  void send(Purpose purpose, std::string_view method, std::string uri, std::string headers,
            MonotonicTime now);
  void write_request(MonotonicTime now);
  void on_message(const Message& message, MonotonicTime now);
  void on_request(const Message& request);
  void on_answer(const Message& answer, MonotonicTime now);
  bool repeat_with_credentials(const Message& answer, MonotonicTime now);
  void on_handshake_answer(const Message& answer, MonotonicTime now);
  void on_described(const Message& answer, MonotonicTime now);
  void on_set_up(const Message& answer, MonotonicTime now);
  void send_next_setup(MonotonicTime now);
  void send_play(MonotonicTime now);
  void begin_playing(MonotonicTime now);
  void refuse(const Message& answer);
  void on_frame(std::uint8_t channel, ByteSpan payload, MonotonicTime now);
  void send_receiver_reports(MonotonicTime now);
  void check_media(MonotonicTime now);
  [[nodiscard]] std::size_t watched_track() const;

  Url url_;
  Authenticator authenticator_;
  media::ItemSink& sink_;
  std::uint32_t our_ssrc_;

  State state_ = State::kConnecting;
  std::optional<SessionEnd> end_;
  std::optional<Request> request_;  // the one not yet answered
  std::uint32_t next_sequence_ = 1;
  bool credentials_accepted_ = false;
  bool play_without_range_ = false;
  Bytes output_;

  InterleavedScanner scanner_;
  MessageParser parser_;
  bool is_in_message_ = false;
  std::optional<MonotonicTime>
      partial_since_;  // since when the message or frame now coming has been incomplete
  std::size_t junk_in_a_row_ = 0;

  TrackPlan plan_;
  std::vector<bool> is_set_up_;  // by track
  std::size_t next_setup_ = 0;
  std::string failed_setup_;  // what the camera said that may pass; empty: nothing such
  std::array<Channel, 256> channels_{};
  std::string session_id_;
  KeepAlive keep_alive_;
  MonotonicTime next_report_;
  Counters counters_;
};

}  // namespace longtake::rtsp
