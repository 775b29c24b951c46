#include "archive/recording_facts.h"

#include <algorithm>

namespace longtake::archive {

void RecordingFacts::remember(media::ReasonSpan reason) {
  recent_.push_back(reason);
  ++told_;
  if (recent_.size() > kRecent) recent_.pop_front();
}

void RecordingFacts::end_open_gap(WallTime at) {
  for (media::ReasonSpan& reason : recent_) {
    if (reason.range.end == WallTime::max()) reason.range.end = std::max(reason.range.start, at);
  }
}

void RecordingFacts::remember(const store::Fact& fact) {
  ++version_;
  if (const auto* opened = std::get_if<store::GapOpened>(&fact)) {
    end_open_gap(opened->from);
    remember(media::ReasonSpan{{opened->from, WallTime::max()}, opened->reason});
    closed_at_.reset();
  } else if (const auto* closed = std::get_if<store::GapClosed>(&fact)) {
    end_open_gap(closed->to);
    closed_at_ = closed->to;
  } else if (const auto* noted = std::get_if<store::GapNoted>(&fact)) {
    remember(media::ReasonSpan{noted->range, noted->reason});
  } else if (const auto* redated = std::get_if<store::RunRedated>(&fact)) {
    redates_[redated->run] += redated->by;
    if (redates_.size() > kRecent) redates_.erase(redates_.begin());
  }
}

void RecordingFacts::append(store::Fact fact) {
  const base::MutexLock lock(mutex_);
  if (!ended_) {
    if (const auto* opened = std::get_if<store::GapOpened>(&fact)) ended_ = opened->from;
    if (const auto* closed = std::get_if<store::GapClosed>(&fact)) ended_ = closed->to;
  }
  remember(fact);
  below_.append(std::move(fact));
}

void RecordingFacts::explain_downtime(WallTime from, media::Reason reason, std::string detail) {
  const base::MutexLock lock(mutex_);
  store::Fact fact = store::GapOpened{recording_, from, reason, detail};
  if (ended_) fact = store::GapNoted{recording_, {from, *ended_}, reason, std::move(detail)};
  if (ended_ && *ended_ <= from) return;
  remember(fact);
  below_.append(std::move(fact));
}

RecordingFacts::Recent RecordingFacts::recent() const {
  const base::MutexLock lock(mutex_);
  return {{recent_.begin(), recent_.end()}, closed_at_};
}

RecordingFacts::Redates RecordingFacts::redates() const {
  const base::MutexLock lock(mutex_);
  return redates_;
}

std::uint64_t RecordingFacts::version() const {
  const base::MutexLock lock(mutex_);
  return version_;
}

std::uint64_t RecordingFacts::told() const {
  const base::MutexLock lock(mutex_);
  return told_;
}

void RecordingFacts::applied(std::uint64_t told) {
  const base::MutexLock lock(mutex_);
  while (!recent_.empty() && told_ - recent_.size() < told) recent_.pop_front();
}

}  // namespace longtake::archive
