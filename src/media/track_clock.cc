#include "media/track_clock.h"

#include <algorithm>
#include <bit>

namespace longtake::media {

namespace {

constexpr int kJumpTokens = 3;
constexpr microseconds kTokenReturns = std::chrono::minutes(10);
constexpr microseconds kFirstProbation = std::chrono::minutes(1);
constexpr microseconds kLongestProbation = std::chrono::hours(1);
// Times that grow by less do not grow: a depacketizer adds a tick to a constant time to keep its order.
constexpr microseconds kLeastStep{1000};
constexpr int kStuckUnits = 8;  // of 16; wrongly declared B pictures stay below: 2 of 3 increase
// In the first moments of a session steps of media alone may be a low frame rate within a buffered
// GOP, or a cached key frame followed by live pictures. Beyond this sum they are neither (FAULTS
// CAM-18).
constexpr microseconds kBelievedSteps = seconds(10);
// A camera may name any 64-bit time. 31 years in microseconds leave room for every sum and product
// made here.
constexpr microseconds kFarthest{1'000'000'000'000'000};

microseconds since(MediaTime time, MediaTime epoch) {
  return std::clamp(to_microseconds(time - epoch), -kFarthest, kFarthest);
}

}  // namespace

TrackClock::TrackClock(const Timeline::Options& options, std::uint32_t timescale_hz)
    : ahead_limit_(options.ahead_limit),
      jump_limit_(options.jump_limit),
      timescale_hz_(timescale_hz),
      believable_steps_(kBelievedSteps),
      rate_(options.rate_window, options.rate_error_ppm),
      sender_(options.camera_clock_max_skew),
      probation_(kFirstProbation) {}

void TrackClock::restart() {
  has_units_ = false;
  believable_steps_ = kBelievedSteps;
  is_trusted_ = true;
  stuck_ = 0;
}

void TrackClock::begin_epoch(MediaTime dts, microseconds receipt) {
  has_units_ = true;
  epoch_ = dts_ = dts;
  media_ = microseconds(0);
  receipt_ = watched_since_ = receipt;
  delays_.clear();
  delays_.add(receipt, delay());
  rate_.restart();
  rate_.add(receipt, delay());
  sender_.restart();
}

TrackClock::Verdict TrackClock::observe(MediaTime dts, microseconds receipt,
                                        std::optional<microseconds> floor, microseconds base) {
  if (!has_units_) {
    begin_epoch(dts, receipt);
    clean_since_ = receipt;
    return Verdict::kFirst;
  }
  receipt = std::max(receipt, receipt_);
  previous_receipt_ = receipt_;
  const microseconds media = since(dts, epoch_);
  const microseconds step = media - media_;
  const microseconds fall = delay() - (receipt - media);
  const Verdict verdict = judge(step, fall, is_trusted_ ? floor : std::nullopt);
  note_interval(is_trusted_ && verdict == Verdict::kGoesOn ? step : receipt - receipt_);
  note_step(step >= kLeastStep);
  if (verdict == Verdict::kJumped) {
    believable_steps_ = microseconds(0);
    begin_epoch(dts, receipt);
  } else {
    if (fall > jump_limit_) believable_steps_ -= fall;
    dts_ = dts;
    media_ = media;
    receipt_ = receipt;
    delays_.add(receipt, delay());
    rate_.add(receipt, delay());
  }
  if (verdict != Verdict::kGoesOn || (stuck_ & 1U) != 0 || rate_.is_off()) clean_since_ = receipt;
  if (!is_trusted_) {
    regain_trust_when_clean(base);
    return Verdict::kGoesOn;
  }
  const bool is_beyond_trust = verdict == Verdict::kGoesOn
                                   ? rate_.is_off() || std::popcount(stuck_) >= kStuckUnits
                                   : !spend_jump();
  if (!is_beyond_trust) return verdict;
  end_trust();
  return Verdict::kGoesOn;
}

TrackClock::Verdict TrackClock::judge(microseconds step, microseconds fall,
                                      std::optional<microseconds> floor) const {
  if (step < -jump_limit_) return Verdict::kJumped;
  if (!floor) {
    return fall > std::max(jump_limit_, believable_steps_) ? Verdict::kJumped : Verdict::kGoesOn;
  }
  // Late media that comes down to the floor again, at once or slowly, has only caught up.
  if (delay() - fall >= *floor - ahead_limit_) return Verdict::kGoesOn;
  return fall > jump_limit_ ? Verdict::kJumped : Verdict::kAhead;
}

void TrackClock::note_step(bool increases) {
  stuck_ = static_cast<std::uint16_t>(static_cast<unsigned>(stuck_) << 1U | (increases ? 0U : 1U));
}

bool TrackClock::spend_jump() {
  const auto forgiven = (receipt_ - jumps_since_) / kTokenReturns;
  if (forgiven > 0) {
    jumps_ = static_cast<int>(std::max<std::int64_t>(0, jumps_ - forgiven));
    jumps_since_ = receipt_;
  }
  if (jumps_ >= kJumpTokens) return false;
  if (jumps_ == 0) jumps_since_ = receipt_;
  ++jumps_;
  return true;
}

void TrackClock::end_trust() {
  is_trusted_ = false;
  believable_steps_ = microseconds(0);
  clean_since_ = receipt_;
  spacer_ = ReceiptSpacer(previous_receipt_, median_interval().value_or(microseconds(0)));
}

void TrackClock::regain_trust_when_clean(microseconds base) {
  if (receipt_ - clean_since_ < probation_) return;
  // This unit lands where receipt puts it; from there on media time spaces again, within the same
  // run.
  const microseconds position = spacer_.next(last_position(), receipt_, base);
  is_trusted_ = true;
  probation_ = std::min(2 * probation_, kLongestProbation);
  begin_epoch(dts_, receipt_);
  set_shift(position);
}

void TrackClock::join_run(microseconds shift) {
  is_in_run_ = true;
  set_shift(shift);
}

void TrackClock::leave_run() {
  is_in_run_ = false;
  has_place_ = false;
  last_ticks_ = 0;
}

std::int64_t TrackClock::place(microseconds base) {
  std::int64_t ticks = (dts_ - epoch_).ticks() + shift_ticks_;
  if (!is_trusted_) {
    const microseconds paced = spacer_.next(last_position(), receipt_, base);
    const microseconds position = has_place_ ? paced : receipt_ - base;
    ticks = from_microseconds(position, timescale_hz_).ticks();
  }
  if (!has_place_) {
    ticks = std::max<std::int64_t>(ticks, 0);
  } else if (ticks <= last_ticks_) {
    // Half the usual spacing until media time is past the last unit again: order holds, and the lag
    // melts.
    const microseconds half = median_interval().value_or(microseconds(0)) / 2;
    ticks = last_ticks_ + std::max<std::int64_t>(from_microseconds(half, timescale_hz_).ticks(), 1);
  }
  has_place_ = true;
  last_ticks_ = ticks;
  return ticks;
}

void TrackClock::set_shift(microseconds shift) {
  shift_ticks_ = from_microseconds(shift, timescale_hz_, Rounding::kNearest).ticks();
}

void TrackClock::slew_shift(microseconds toward, std::int64_t slew_ppm) {
  // A unit alone may be worth less than a tick, so what it allows is saved up.
  slew_credit_ += intervals_[(interval_count_ - 1) % intervals_.size()] * slew_ppm;
  const std::int64_t most = from_microseconds(slew_credit_, timescale_hz_).ticks() / 1'000'000;
  if (most == 0) return;
  slew_credit_ = microseconds(0);
  const std::int64_t wanted =
      from_microseconds(toward, timescale_hz_, Rounding::kNearest).ticks() - shift_ticks_;
  shift_ticks_ += std::clamp(wanted, -most, most);
}

microseconds TrackClock::shift() const {
  return to_microseconds(MediaTime(shift_ticks_, timescale_hz_));
}

microseconds TrackClock::last_position() const {
  return to_microseconds(MediaTime(last_ticks_, timescale_hz_));
}

void TrackClock::on_sender_report(MediaTime rtp_time, WallTime camera_wall, WallTime our_wall) {
  if (!has_units_ || rtp_time.timescale_hz() != timescale_hz_) return;
  sender_.add(since(rtp_time, epoch_), camera_wall, our_wall);
}

void TrackClock::note_interval(microseconds interval) {
  intervals_[interval_count_ % intervals_.size()] = std::max(interval, microseconds(0));
  ++interval_count_;
}

std::optional<microseconds> TrackClock::median_interval() const {
  if (interval_count_ == 0) return std::nullopt;
  std::array<microseconds, 64> sorted = intervals_;
  const auto end =
      sorted.begin() + static_cast<std::ptrdiff_t>(std::min(interval_count_, sorted.size()));
  const auto middle = sorted.begin() + (end - sorted.begin()) / 2;
  std::nth_element(sorted.begin(), middle, end);
  return *middle;
}

}  // namespace longtake::media
