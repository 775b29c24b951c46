#include "archive/volume_health.h"

namespace longtake::archive {
namespace {

template <VolumeHealth::State kState>
bool is(VolumeHealth::State now) {
  return now == kState;
}

}  // namespace

std::string_view to_string(VolumeHealth::State state) {
  switch (state) {
    case VolumeHealth::State::kHealthy:
      return "healthy";
    case VolumeHealth::State::kFull:
      return "full";
    case VolumeHealth::State::kSick:
      return "sick";
    case VolumeHealth::State::kMissing:
      return "missing";
  }
  return "";
}

void VolumeHealth::move_to(State next, const std::string& detail, bool (*may_leave)(State)) {
  State before{};
  bool is_news = true;
  {
    const base::MutexLock lock(mutex_);
    before = state_.load(std::memory_order_relaxed);
    if (!may_leave(before)) return;
    detail_ = detail;
    if (next == State::kSick) probe_at_ = clock_.now() + kProbeInterval;
    state_.store(next, std::memory_order_release);
    // Room is only believed once something was written: where a quota refuses it, this goes to and fro each second.
    const bool was_on_trial =
        is_on_trial_.exchange(before == State::kFull && next == State::kHealthy);
    is_news = !is_on_trial_ && !(was_on_trial && next == State::kFull);
  }
  if (before == next) return;
  failures_.store(0, std::memory_order_relaxed);
  if (!is_news) return;
  if (next == State::kHealthy) {
    LT_LOG(logger_, kInfo, "volume.healthy", {"was", to_string(before)});
  } else {
    LT_LOG(logger_, kError, "volume.unusable", {"state", to_string(next)}, {"detail", detail},
           {"next", "media waits in memory; recording goes on by itself once this is over"});
  }
}

void VolumeHealth::on_full(const std::string& detail) {
  move_to(State::kFull, detail, is<State::kHealthy>);
}

void VolumeHealth::on_space() { move_to(State::kHealthy, "", is<State::kFull>); }

void VolumeHealth::on_failure(const Error& error) {
  LT_LOG(logger_, kError, "volume.failure", {"error", error.message()});
  if (is_healthy() && failures_.fetch_add(1, std::memory_order_relaxed) + 1 >= kFailuresInARow) {
    move_to(State::kSick, error.message(), is<State::kHealthy>);
  }
}

void VolumeHealth::on_committed() {
  failures_.store(0, std::memory_order_relaxed);
  if (is_on_trial_.load(std::memory_order_relaxed) && is_on_trial_.exchange(false)) {
    LT_LOG(logger_, kInfo, "volume.healthy", {"was", to_string(State::kFull)});
  }
}

void VolumeHealth::on_untrusted(const Error& error) {
  move_to(State::kSick, error.message(), [](State now) { return now != State::kMissing; });
}

void VolumeHealth::on_missing(const Error& error) {
  move_to(State::kMissing, error.message(), [](State) { return true; });
}

void VolumeHealth::on_found() { move_to(State::kHealthy, "", is<State::kMissing>); }

void VolumeHealth::on_probed(const Result<void>& probed) {
  if (probed) {
    move_to(State::kHealthy, "", is<State::kSick>);
  } else {
    move_to(State::kSick, probed.error().message(), is<State::kSick>);
  }
}

bool VolumeHealth::is_probe_due() const {
  if (state() != State::kSick) return false;
  const base::MutexLock lock(mutex_);
  return clock_.now() >= probe_at_;
}

media::Reason VolumeHealth::drop_reason() const {
  switch (state()) {
    case State::kFull:
      return media::Reason::kDiskFull;
    case State::kSick:
      return media::Reason::kDiskError;
    case State::kMissing:
      return media::Reason::kVolumeMissing;
    case State::kHealthy:
      break;
  }
  const std::int64_t since = call_since_.load(std::memory_order_relaxed);
  const bool is_stalled =
      since != 0 && clock_.now().time_since_epoch().count() - since >= kStall.count();
  return is_stalled ? media::Reason::kDiskStall : media::Reason::kBackpressure;
}

std::string VolumeHealth::detail() const {
  const base::MutexLock lock(mutex_);
  return detail_;
}

}  // namespace longtake::archive
