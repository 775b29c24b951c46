#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "media/delay_window.h"
#include "media/media_time.h"
#include "media/rate_estimator.h"
#include "media/receipt_spacer.h"
#include "media/sender_clock.h"
#include "media/timeline.h"

namespace longtake::media {

/// One track's media clock: what its units show of it, whether it is trusted, and where it puts the
/// track's units in the current run. Media time inside counts from an epoch, the first unit after
/// the last discontinuity.
///
/// Trust      each jump costs a token; three are there at first and one comes back every ten
/// minutes. With none left,
///            or with a wrong rate, or when every other DTS does not increase, the track is spaced
///            by receipt instead (CAM-18: recording goes on, and not as one run per picture). After
///            a clean minute the clock is believed again; each relapse doubles that time, up to an
///            hour.
class TrackClock {
 public:
  enum class Verdict : std::uint8_t {
    kGoesOn,
    kFirst,   // the first unit after construction or `restart`
    kJumped,  // a discontinuity: the epoch is new, the run's positions no longer fit
    kAhead,   // drifted ahead of receipt; the epoch stays
  };

  TrackClock(const Timeline::Options& options, std::uint32_t timescale_hz);

  /// Judges the next unit's DTS. `floor` is the delay the run believes in, nothing while it has no
  /// anchor yet; `base` is where the run begins on the monotonic clock.
  Verdict observe(MediaTime dts, microseconds receipt, std::optional<microseconds> floor,
                  microseconds base);
  /// Another sender's clock from the next unit on. Its place in the run stays; positions do not
  /// start over.
  void restart();
  void on_sender_report(MediaTime rtp_time, WallTime camera_wall, WallTime our_wall);

  /// Takes part in a run from the last observed unit on. Media time `media` lies at position `media
  /// + shift`.
  void join_run(microseconds shift);
  void leave_run();
  /// The last observed unit's ticks from the run's start, above those of the unit before it.
  std::int64_t place(microseconds base);
  /// Moves the track against the run: at once, or by at most `slew_ppm` of the time since the last
  /// unit.
  void set_shift(microseconds shift);
  void slew_shift(microseconds toward, std::int64_t slew_ppm);

  [[nodiscard]] std::uint32_t timescale_hz() const { return timescale_hz_; }
  [[nodiscard]] bool is_in_run() const { return is_in_run_; }
  [[nodiscard]] bool is_trusted() const { return is_trusted_; }
  [[nodiscard]] microseconds media() const { return media_; }
  [[nodiscard]] microseconds receipt() const { return receipt_; }
  [[nodiscard]] microseconds shift() const;
  [[nodiscard]] microseconds delay() const { return receipt_ - media_; }
  [[nodiscard]] microseconds least_delay() const { return delays_.least().value_or(delay()); }
  [[nodiscard]] microseconds watched_since() const {
    return watched_since_;
  }  // receipt at the epoch
  [[nodiscard]] microseconds last_position() const;
  [[nodiscard]] const SenderClock& sender() const { return sender_; }
  [[nodiscard]] std::optional<double> drift_ppm() const { return rate_.drift_ppm(); }
  [[nodiscard]] std::optional<microseconds> median_interval() const;

 private:
  Verdict judge(microseconds step, microseconds fall, std::optional<microseconds> floor) const;
  void begin_epoch(MediaTime dts, microseconds receipt);
  void note_step(bool increases);
  bool spend_jump();
  void end_trust();
  void regain_trust_when_clean(microseconds base);
  void note_interval(microseconds interval);

  const microseconds ahead_limit_, jump_limit_;
  const std::uint32_t timescale_hz_;

  // The clock.
  bool has_units_ = false;
  MediaTime epoch_;
  MediaTime dts_;
  microseconds media_{0};    // of the last unit, since the epoch
  microseconds receipt_{0};  // of the last unit
  microseconds previous_receipt_{0};
  microseconds watched_since_{0};
  microseconds believable_steps_;  // ahead at once, while there is no anchor; none after a jump
  DelayWindow delays_;
  RateEstimator rate_;
  SenderClock sender_;

  // Trust.
  bool is_trusted_ = true;
  int jumps_ = 0;
  microseconds jumps_since_{0};  // when the last jump was added or forgiven
  std::uint16_t stuck_ = 0;      // one bit a unit, the last 16: its DTS did not increase
  microseconds clean_since_{0};
  microseconds probation_;
  ReceiptSpacer spacer_;  // in use while not trusted

  // The run.
  bool is_in_run_ = false;
  bool has_place_ = false;
  std::int64_t shift_ticks_ = 0;
  std::int64_t last_ticks_ = 0;
  microseconds slew_credit_{
      0};  // millionths: media time seen since the last slew times the slew rate

  // The last 64 intervals between units, for their median.
  std::array<microseconds, 64> intervals_{};
  std::size_t interval_count_ = 0;
};

}  // namespace longtake::media
