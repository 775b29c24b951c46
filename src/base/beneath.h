#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace longtake::base {

/// How a path is kept below its root.
enum class Resolution {
  kByKernel,     // openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), Linux 5.6
  kByComponent,  // one openat(O_NOFOLLOW) per part, for older kernels and for sandboxes that answer
                 // ENOSYS
};

/// What this kernel offers.
Resolution find_resolution(int root);

/// Whether `path` is relative, of parts that are neither empty nor `.` nor `..`, and free of NUL.
/// `""` is the root.
bool is_plain_path(std::string_view path);

/// Opens `path` below the folder `root`; no symbolic link is followed, no matter who swaps folders
/// meanwhile.
///
/// Errors     errno: ELOOP or ENOTDIR for a symbolic link, EINVAL when not `is_plain_path`.
std::expected<Descriptor, int> open_beneath(Resolution resolution, int root, std::string_view path,
                                            int flags, unsigned mode = 0);

}  // namespace longtake::base
