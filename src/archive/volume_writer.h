#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "archive/recording_writer.h"
#include "archive/space_guard.h"
#include "base/mutex.h"

namespace longtake::archive {

/// The one thread that appends to a volume's files: takes what waits in each recording's ring and writes it.
///
/// Woken by a submit, it waits a moment for others to join, so that hundreds of cameras cost tens of wake-ups a second.
/// Once a second it also looks at the space, probes a sick volume, and tells `lock` that we live.
///
/// Thread     `pass` is the thread's work, one at a time: a test calls it instead of `start`. The rest from any thread.
/// Limits     64 fragments of one recording before the next one's turn.
/// Source     docs/design/archive.md, "Writing".
class VolumeWriter {
 public:
  /// `beat` runs once a second, on this thread.
  VolumeWriter(DiskContext& disk, SpaceGuard& space, std::function<void()> beat);
  ~VolumeWriter();  // stops

  void add(std::shared_ptr<RecordingWriter> recording);
  [[nodiscard]] std::vector<std::shared_ptr<RecordingWriter>> recordings() const;
  /// Something waits.
  void wake();

  /// Writes all that waits, if the volume takes it.
  void pass();
  void start();
  void stop();

 private:
  void run();
  void every_second();
  void probe();
  /// Until work waits, at most `limit`. False: to stop.
  bool wait_for_work(nanoseconds limit);

  DiskContext& disk_;
  SpaceGuard& space_;
  const std::function<void()> beat_;
  std::optional<MonotonicTime> last_second_;

  mutable base::Mutex mutex_;
  base::Condition changed_;
  std::vector<std::shared_ptr<RecordingWriter>> recordings_ LT_GUARDED_BY(mutex_);
  bool is_waiting_ LT_GUARDED_BY(mutex_) = false;
  bool is_stopping_ LT_GUARDED_BY(mutex_) = false;
  std::atomic<bool> is_work_{false};
  std::thread thread_;
};

}  // namespace longtake::archive
