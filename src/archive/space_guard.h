#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "archive/archive.h"
#include "archive/volume_health.h"
#include "base/file_system.h"
#include "base/mutex.h"

namespace longtake::archive {

/// Keeps media out of the last of the space: the ledger and the catalog need it to say what happens.
///
/// Two floors. Below the hard one (64 MiB, or 256 inodes) nothing is written, whatever the policy. Below the policy's
/// (the larger of its bytes and its percent) retention makes room; only when it says that nothing is left to delete does
/// writing stop. Full, the volume takes media again once there is room for `kMargin` above the floor, and `kMarginInodes`.
///
/// Thread     `check` one thread at a time; the rest any.
/// Source     FAULTS §3.8, HOST-08 to HOST-10; docs/design/archive.md, invariant A9.
class SpaceGuard {
 public:
  static constexpr std::uint64_t kHardFloorBytes = 64ULL * 1024 * 1024;
  static constexpr std::uint64_t kHardFloorInodes = 256;
  static constexpr std::uint64_t kMargin = 8ULL * 1024 * 1024;
  /// The first segments of those that waited take one each; retention goes on to twice the floor.
  static constexpr std::uint64_t kMarginInodes = 128;

  SpaceGuard(base::FileSystem& files, VolumeHealth& health) : files_(files), health_(health) {}

  void set_policy(const VolumePolicy& policy);
  /// Whether deleting can still make room. Without one, nothing can.
  void set_retention(std::function<bool()> can_make_room);
  /// Looks at the space and tells the health. What cannot be looked at changes nothing.
  void check();
  /// The floor that the policy asks for on this volume, hard floor included.
  [[nodiscard]] static std::uint64_t floor_bytes(const VolumePolicy& policy,
                                                 const base::SpaceStatus& space);

 private:
  base::FileSystem& files_;
  VolumeHealth& health_;
  base::Mutex mutex_;
  VolumePolicy policy_ LT_GUARDED_BY(mutex_);
  std::function<bool()> can_make_room_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
