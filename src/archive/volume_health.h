#pragma once

#include <atomic>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "media/reason.h"

namespace longtake::archive {

/// Whether a volume takes media right now, and if not, why and when to ask it again.
///
///     healthy ──no space──► full ──space, asked every second──► healthy
///        │ ├──three failures in a row, or a failed folder sync──► sick ──a probe succeeds, every 5 s──► healthy
///        │ └──another volume under our path──► missing ──the right one is back──► healthy
///
/// Thread     every method from any thread.
class VolumeHealth {
 public:
  enum class State { kHealthy, kFull, kSick, kMissing };
  static constexpr int kFailuresInARow = 3;
  static constexpr nanoseconds kProbeInterval = seconds(5);
  /// A call into the file system that lasts longer is a stall of the disk, not a slow disk.
  static constexpr nanoseconds kStall = seconds(5);

  VolumeHealth(base::Clock& clock, base::Logger& logger) : clock_(clock), logger_(logger) {}

  [[nodiscard]] State state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_healthy() const { return state() == State::kHealthy; }

  void on_full(const std::string& detail);
  /// Leaves kFull only. Told once a commit has succeeded: until then it may be full again at the next write.
  void on_space();
  /// A write or sync failed. One alone costs its file; several in a row, without a commit between, the volume.
  void on_failure(const Error& error);
  void on_committed();
  /// Nobody knows any more what is on the disk (a folder could not be synced): out of use at once.
  void on_untrusted(const Error& error);
  void on_missing(const Error& error);
  void on_found();  // leaves kMissing only
  void on_probed(const Result<void>& probed);
  /// Sick, and it is time to try again.
  [[nodiscard]] bool is_probe_due() const;

  /// The writer's calls into the file system, so that a stall can be told from a slow disk while it lasts.
  void begin_call() {
    call_since_.store(clock_.now().time_since_epoch().count(), std::memory_order_relaxed);
  }
  void end_call() { call_since_.store(0, std::memory_order_relaxed); }

  /// Why media that finds no room now is lost.
  [[nodiscard]] media::Reason drop_reason() const;
  /// What was wrong last, in words.
  [[nodiscard]] std::string detail() const;

 private:
  /// Only from a state that `may_leave` says: writer and committer tell what they know at the same time, and neither ends
  /// what the other began.
  void move_to(State next, const std::string& detail, bool (*may_leave)(State));

  base::Clock& clock_;
  base::Logger& logger_;
  std::atomic<State> state_{State::kHealthy};
  std::atomic<int> failures_{0};
  std::atomic<bool> is_on_trial_{false};     // was full; nothing was written since there is room
  std::atomic<std::int64_t> call_since_{0};  // monotonic ns; 0: in no call
  mutable base::Mutex mutex_;
  std::string detail_ LT_GUARDED_BY(mutex_);
  MonotonicTime probe_at_ LT_GUARDED_BY(mutex_);
};

std::string_view to_string(VolumeHealth::State state);

}  // namespace longtake::archive
