#include "archive/retention_plan.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace longtake::archive {
namespace {

/// Shares closer than this fraction are about the same.
constexpr std::uint64_t kSameShare = 64;

class Planner {
 public:
  explicit Planner(const RetentionQuestion& question) : question_(question) {
    for (const RetentionRecording& recording : question.recordings) {
      remaining_.push_back({&recording, recording.size_bytes, 0});
      total_bytes_ += recording.size_bytes;
    }
  }

  std::vector<Drop> plan() {
    by_age();
    by_recording_size();
    by_total_size();
    by_free_space();
    return std::move(drops_);
  }

 private:
  struct Remaining {
    const RetentionRecording* recording;
    std::uint64_t size_bytes;
    std::size_t next;  // in recording->oldest

    [[nodiscard]] const store::SegmentRow* oldest() const {
      return next < recording->oldest.size() ? &recording->oldest[next] : nullptr;
    }
  };

  [[nodiscard]] bool is_full() const { return drops_.size() >= question_.limit; }

  void drop(Remaining& from, DropCause cause) {
    const store::SegmentRow& segment = *from.oldest();
    const std::uint64_t bytes = std::min(segment.size_bytes, from.size_bytes);
    ++from.next;
    from.size_bytes -= bytes;
    total_bytes_ -= std::min(total_bytes_, bytes);
    freed_bytes_ += segment.size_bytes;
    drops_.push_back({segment, cause});
  }

  void by_age() {
    if (!question_.now_for_age) return;
    std::uint64_t allowance = question_.age_allowance_bytes;
    for (Remaining& remaining : remaining_) {
      if (!remaining.recording->keep) continue;
      const WallTime limit = *question_.now_for_age - *remaining.recording->keep;
      while (!is_full()) {
        const store::SegmentRow* oldest = remaining.oldest();
        if (oldest == nullptr || oldest->range.end >= limit || oldest->size_bytes > allowance)
          break;
        allowance -= oldest->size_bytes;
        drop(remaining, DropCause::kAge);
      }
    }
  }

  void by_recording_size() {
    for (Remaining& remaining : remaining_) {
      const auto most = remaining.recording->max_size_bytes;
      while (most && remaining.size_bytes > *most && remaining.oldest() != nullptr && !is_full()) {
        drop(remaining, DropCause::kRecordingSize);
      }
    }
  }

  void by_total_size() {
    while (question_.max_total_bytes && total_bytes_ > *question_.max_total_bytes && !is_full()) {
      Remaining* largest = fair_choice();
      if (largest == nullptr) return;
      drop(*largest, DropCause::kTotalSize);
    }
  }

  void by_free_space() {
    while ((freed_bytes_ < question_.bytes_to_free || drops_.size() < question_.files_to_free) &&
           !is_full()) {
      Remaining* largest = fair_choice();
      if (largest == nullptr) return;
      drop(*largest, DropCause::kFreeSpace);
    }
  }

  Remaining* fair_choice() {
    std::uint64_t most = 0;
    for (const Remaining& remaining : remaining_) {
      if (remaining.oldest() != nullptr) most = std::max(most, remaining.size_bytes);
    }
    Remaining* choice = nullptr;
    for (Remaining& remaining : remaining_) {
      if (remaining.oldest() == nullptr || remaining.size_bytes < most - most / kSameShare)
        continue;
      if (choice == nullptr || remaining.oldest()->range.end < choice->oldest()->range.end)
        choice = &remaining;
    }
    return choice;
  }

  const RetentionQuestion& question_;
  std::vector<Remaining> remaining_;
  std::vector<Drop> drops_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t freed_bytes_ = 0;
};

}  // namespace

std::string_view to_string(DropCause cause) {
  switch (cause) {
    case DropCause::kAge:
      return "age";
    case DropCause::kRecordingSize:
      return "max_size";
    case DropCause::kTotalSize:
      return "max_total_size";
    case DropCause::kFreeSpace:
      return "free_space";
  }
  return "age";
}

std::vector<Drop> plan_retention(const RetentionQuestion& question) {
  return Planner(question).plan();
}

}  // namespace longtake::archive
