#include "archive/space_guard.h"

#include <fmt/format.h>

#include <algorithm>

namespace longtake::archive {

void SpaceGuard::set_policy(const VolumePolicy& policy) {
  const base::MutexLock lock(mutex_);
  policy_ = policy;
}

void SpaceGuard::set_retention(std::function<bool()> can_make_room) {
  const base::MutexLock lock(mutex_);
  can_make_room_ = std::move(can_make_room);
}

std::uint64_t SpaceGuard::floor_bytes(const VolumePolicy& policy, const base::SpaceStatus& space) {
  const std::uint64_t by_percent = space.total_bytes / 100 * policy.min_free_percent;
  return std::max({policy.min_free_bytes, by_percent, kHardFloorBytes});
}

void SpaceGuard::check() {
  const auto space = files_.space();
  if (!space) return;  // the next write says what is wrong
  VolumePolicy policy;
  std::function<bool()> can_make_room;
  {
    const base::MutexLock lock(mutex_);
    policy = policy_;
    can_make_room = can_make_room_;
  }
  const bool is_retention_at_work = can_make_room && can_make_room();
  const std::uint64_t floor = is_retention_at_work ? kHardFloorBytes : floor_bytes(policy, *space);
  const bool is_full = health_.state() == VolumeHealth::State::kFull;
  const std::uint64_t margin = is_full ? kMargin : 0;
  const std::uint64_t inodes = kHardFloorInodes + (is_full ? kMarginInodes : 0);
  const bool counts_inodes = space->total_inodes != 0;
  if (space->available_bytes >= floor + margin &&
      (!counts_inodes || space->available_inodes >= inodes)) {
    health_.on_space();
  } else if (counts_inodes && space->available_inodes < kHardFloorInodes) {
    health_.on_full(fmt::format("{} inodes are left, {} are kept free", space->available_inodes,
                                kHardFloorInodes));
  } else if (space->available_bytes < floor) {
    health_.on_full(
        fmt::format("{} bytes are free, {} are kept free; make room, or lower the "
                    "free-space floor",
                    space->available_bytes, floor));
  }
}

}  // namespace longtake::archive
