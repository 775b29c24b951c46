#include "store/store_mailbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace longtake::store {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

Deadline deadline_in(nanoseconds limit) { return std::chrono::steady_clock::now() + limit; }

Error gave_up(std::string_view waited_for, nanoseconds limit, const std::string& trouble) {
  return {ErrorCode::kUnavailable,
          fmt::format("{} within {}{}{}", waited_for,
                      to_short_string(std::chrono::duration_cast<microseconds>(limit)),
                      trouble.empty() ? "" : ": ", trouble)};
}

}  // namespace

bool StoreMailbox::append(Fact&& fact) {
  {
    const base::MutexLock lock(mutex_);
    if (facts_.size() >= capacity_) return false;
    facts_.push_back(std::move(fact));
    ++accepted_;
  }
  work_.wake_one();
  return true;
}

void StoreMailbox::purge(Purge purge) {
  const base::MutexLock lock(mutex_);
  purges_.push_back(std::move(purge));  // with the next tick: nobody waits for it
}

void StoreMailbox::request_snapshot() {
  {
    const base::MutexLock lock(mutex_);
    is_snapshot_wanted_ = true;
  }
  wake();
}

void StoreMailbox::stop() {
  {
    const base::MutexLock lock(mutex_);
    is_stopping_ = true;
  }
  wake();
}

void StoreMailbox::wake() {
  {
    const base::MutexLock lock(mutex_);
    is_woken_ = true;
  }
  work_.wake_one();
}

Result<void> StoreMailbox::wait_for(Progress progress, nanoseconds limit) {
  const Deadline deadline = deadline_in(limit);
  const base::MutexLock lock(mutex_);
  const std::uint64_t target = accepted_;
  const std::uint64_t& reached = progress == Progress::kDurable ? durable_ : applied_;
  if (reached >= target) return {};
  is_sync_wanted_ = true;
  work_.wake_one();
  while (reached < target) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) {
      return std::unexpected(gave_up(progress == Progress::kDurable
                                         ? "the ledger was not made durable"
                                         : "the catalog did not follow the ledger",
                                     limit, trouble_));
    }
    progress_.wait_for(mutex_, deadline - now);
  }
  return {};
}

Result<void> StoreMailbox::wait_until_ready(nanoseconds limit) {
  const Deadline deadline = deadline_in(limit);
  const base::MutexLock lock(mutex_);
  while (!is_ready_) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline)
      return std::unexpected(gave_up("the catalog was not ready", limit, trouble_));
    progress_.wait_for(mutex_, deadline - now);
  }
  return {};
}

bool StoreMailbox::is_ready() const {
  const base::MutexLock lock(mutex_);
  return is_ready_;
}

Store::LastLife StoreMailbox::last_life() const {
  const base::MutexLock lock(mutex_);
  return last_life_;
}

StoreMailbox::Work StoreMailbox::take(std::size_t room, nanoseconds limit) {
  const Deadline deadline = deadline_in(limit);
  Work work;
  const base::MutexLock lock(mutex_);
  while (!is_sync_wanted_ && !is_stopping_ && !is_woken_ && (facts_.empty() || room == 0)) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) break;
    work_.wait_for(mutex_, deadline - now);
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(room, facts_.size()));
  const auto end = facts_.begin() + count;
  work.facts.assign(std::make_move_iterator(facts_.begin()), std::make_move_iterator(end));
  facts_.erase(facts_.begin(), end);
  work.purges.swap(purges_);
  work.is_sync_wanted = std::exchange(is_sync_wanted_, false);
  work.is_snapshot_wanted = std::exchange(is_snapshot_wanted_, false);
  work.is_stopping = is_stopping_;
  is_woken_ = false;
  return work;
}

void StoreMailbox::report(std::uint64_t durable, std::uint64_t applied, std::string trouble) {
  {
    const base::MutexLock lock(mutex_);
    durable_ = durable;
    applied_ = applied;
    trouble_ = std::move(trouble);
  }
  progress_.wake_all();
}

void StoreMailbox::set_last_life(Store::LastLife life) {
  const base::MutexLock lock(mutex_);
  last_life_ = std::move(life);
}

void StoreMailbox::set_ready(bool is_ready) {
  {
    const base::MutexLock lock(mutex_);
    is_ready_ = is_ready;
  }
  progress_.wake_all();
}

}  // namespace longtake::store
