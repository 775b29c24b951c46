#include "archive/volume_writer.h"

#include <algorithm>

namespace longtake::archive {
namespace {

constexpr std::size_t kTurn = 64;
constexpr nanoseconds kIdle = seconds(1);
/// How long the first fragment waits for others: adds to the age of live video, divides the wake-ups.
constexpr nanoseconds kGather = milliseconds(20);
constexpr const char* kProbePath = "probe";

}  // namespace

VolumeWriter::VolumeWriter(DiskContext& disk, SpaceGuard& space, std::function<void()> beat)
    : disk_(disk), space_(space), beat_(std::move(beat)) {}

VolumeWriter::~VolumeWriter() { stop(); }

void VolumeWriter::add(std::shared_ptr<RecordingWriter> recording) {
  const base::MutexLock lock(mutex_);
  recordings_.push_back(std::move(recording));
}

std::vector<std::shared_ptr<RecordingWriter>> VolumeWriter::recordings() const {
  const base::MutexLock lock(mutex_);
  return recordings_;
}

void VolumeWriter::wake() {
  if (is_work_.exchange(true, std::memory_order_acq_rel)) return;  // it is awake, or about to be
  {
    const base::MutexLock lock(mutex_);
    if (!is_waiting_) return;
  }
  changed_.wake_one();
}

bool VolumeWriter::wait_for_work(nanoseconds limit) {
  const base::MutexLock lock(mutex_);
  if (!is_stopping_ && !is_work_.load(std::memory_order_acquire)) {
    is_waiting_ = true;
    changed_.wait_for(mutex_, limit);
    is_waiting_ = false;
  }
  return !is_stopping_;
}

void VolumeWriter::run() {
  while (wait_for_work(kIdle)) {
    if (is_work_.load(std::memory_order_acquire)) {
      const base::MutexLock lock(mutex_);
      if (!is_stopping_) changed_.wait_for(mutex_, kGather);
    }
    pass();
  }
  pass();
}

void VolumeWriter::pass() {
  is_work_.store(false, std::memory_order_release);
  const std::vector<std::shared_ptr<RecordingWriter>> all = recordings();
  bool is_more = true;
  while (is_more) {
    // Each time: on a disk that is slower than what comes, this goes on for as long as that lasts.
    every_second();
    is_more = false;
    for (const std::shared_ptr<RecordingWriter>& recording : all) {
      if (recording->has_work()) is_more = recording->drain(kTurn) || is_more;
    }
  }
  disk_.metrics.ring_bytes.set(static_cast<double>(disk_.budget.held_bytes()));
}

void VolumeWriter::every_second() {
  const MonotonicTime now = disk_.clock.now();
  if (last_second_ && now - *last_second_ < kIdle) return;
  last_second_ = now;
  if (disk_.health.state() != VolumeHealth::State::kMissing) {
    beat_();
    space_.check();
  }
  if (disk_.health.is_probe_due()) probe();
}

void VolumeWriter::probe() {
  const auto attempt = [&]() -> Result<void> {
    // Made anew each time: after a failed sync nobody should ask the same file again.
    auto removed = disk_.files.remove(kProbePath);
    if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
    LT_ASSIGN(const std::unique_ptr<base::File> file,
              disk_.files.open(kProbePath, base::OpenMode::kCreateNew));
    const Bytes page(4096, std::byte{0x5a});
    const ByteSpan parts[] = {page};
    LT_TRY(file->write_at(0, parts));
    LT_TRY(file->sync());
    LT_TRY(disk_.files.sync_directory(""));
    LT_TRY(disk_.files.remove(kProbePath));
    return disk_.files.sync_directory("");
  };
  disk_.health.on_probed(attempt());
}

void VolumeWriter::start() {
  thread_ = std::thread([this] { run(); });
}

void VolumeWriter::stop() {
  {
    const base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.wake_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace longtake::archive
