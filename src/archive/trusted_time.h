#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/log.h"

namespace longtake::archive {

/// A wall clock that is late rather than wrong: what deletion by age may believe.
///
/// It goes on from the last time that was trusted by the monotonic clock, also over a restart (a small file). A wall
/// clock that runs ahead of that by over `kTolerance` is suspect, until the kernel has called it synchronised for
/// `kConfirmation` without a break. A clock set back is followed by at once: what is younger than thought only stays
/// longer. After a start, and after the process was frozen, it gives no answer for `kQuiet`.
///
/// Thread     `observe` on one thread, at least every `kAlive`; `is_suspect` on any.
/// Limits     one small synced write a minute.
/// Errors     a file that cannot be written is tried again; one that cannot be read makes the clock suspect.
/// Source     FAULTS §3.9, RET-03, HOST-19, HOST-22, HOST-23; docs/design/retention.md.
class TrustedTime {
 public:
  static constexpr microseconds kTolerance = std::chrono::minutes(5);
  static constexpr nanoseconds kConfirmation = std::chrono::minutes(5);
  static constexpr nanoseconds kQuiet = seconds(60);
  static constexpr nanoseconds kAlive = seconds(5);  // a longer pause: the process was frozen
  static constexpr nanoseconds kPersistEvery = seconds(60);
  static constexpr const char* kPath = "trusted_time";

  /// `boot_id` tells whether the monotonic clock has gone on since the file was written.
  TrustedTime(base::FileSystem& files, const base::Clock& clock, base::Logger& logger,
              std::string boot_id);

  /// Looks at the clocks, and writes the file when that is due.
  void observe();
  /// What age is measured by; nothing while the clock is suspect or the quiet time lasts.
  [[nodiscard]] std::optional<WallTime> now_for_age() const;
  [[nodiscard]] bool is_suspect() const { return is_suspect_.load(std::memory_order_relaxed); }

 private:
  void load();
  void trust(WallTime wall, MonotonicTime now);
  void judge(MonotonicTime now, WallTime wall);
  void persist(MonotonicTime now);

  base::FileSystem& files_;
  const base::Clock& clock_;
  base::Logger& logger_;
  const std::string boot_id_;
  WallTime trusted_wall_;  // at trusted_at_
  MonotonicTime trusted_at_;
  MonotonicTime observed_at_;
  MonotonicTime quiet_until_;
  bool has_reference_ = true;         // false: the file could not be read
  microseconds suspect_offset_{0};    // wall minus monotonic of the clock that is suspect
  MonotonicTime synchronised_since_;  // while suspect: without a break until now
  std::optional<MonotonicTime> persisted_at_;
  std::atomic<bool> is_suspect_{false};
};

}  // namespace longtake::archive
