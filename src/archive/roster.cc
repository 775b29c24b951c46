#include "archive/roster.h"

#include <fmt/format.h>

namespace longtake::archive {

std::shared_ptr<RecordingWriter> KnownRecording::writer() const {
  const base::MutexLock lock(mutex_);
  return writer_;
}

RecordingState KnownRecording::state() const {
  const base::MutexLock lock(mutex_);
  return recorder_ != nullptr ? recorder_->state() : RecordingState::kStopped;
}

std::optional<KnownRecording::Claim> KnownRecording::claim(
    const std::function<std::shared_ptr<RecordingWriter>()>& make_writer) {
  const base::MutexLock lock(mutex_);
  if (has_handle_) return std::nullopt;
  has_handle_ = true;
  if (writer_ == nullptr) writer_ = make_writer();
  return Claim{writer_, std::exchange(is_armed_, true)};
}

void KnownRecording::set_recorder(const Recorder& recorder) {
  const base::MutexLock lock(mutex_);
  recorder_ = &recorder;
}

void KnownRecording::release() {
  const base::MutexLock lock(mutex_);
  recorder_ = nullptr;
  has_handle_ = false;
}

void KnownRecording::disarm() {
  const base::MutexLock lock(mutex_);
  is_armed_ = false;
}

std::shared_ptr<KnownRecording> Roster::entry_of(const RecordingFolder& folder) {
  const base::MutexLock lock(mutex_);
  auto& entry = recordings_[folder.name];
  if (entry == nullptr) entry = std::make_shared<KnownRecording>(folder, store_);
  return entry;
}

std::shared_ptr<KnownRecording> Roster::find(const std::string& name) {
  const auto folder = volume_.find(name);
  return folder ? entry_of(*folder) : nullptr;
}

Result<std::shared_ptr<KnownRecording>> Roster::require(const std::string& name) {
  auto recording = find(name);
  if (recording == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no recording \"{}\"", name));
  }
  return recording;
}

std::vector<std::shared_ptr<KnownRecording>> Roster::all() const {
  std::vector<std::shared_ptr<KnownRecording>> all;
  const base::MutexLock lock(mutex_);
  all.reserve(recordings_.size());
  for (const auto& [name, recording] : recordings_) all.push_back(recording);
  return all;
}

}  // namespace longtake::archive
