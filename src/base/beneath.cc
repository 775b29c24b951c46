#include "base/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/system_error.h"

namespace longtake::base {
namespace {

constexpr int kRaceRetries = 8;

int open_by_kernel(int root, const char* path, int flags, unsigned mode) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  for (int attempt = 0;; ++attempt) {
    const auto descriptor =
        retry_interrupted([&] { return ::syscall(SYS_openat2, root, path, &how, sizeof(how)); });
    // EAGAIN: a rename ran beside the look-up and the kernel cannot tell whether the path stayed
    // below.
    if (descriptor == -1 && errno == EAGAIN && attempt < kRaceRetries) continue;
    return static_cast<int>(descriptor);
  }
}

bool is_symbolic_link(int descriptor) {
  struct stat status{};
  return ::fstat(descriptor, &status) != 0 || S_ISLNK(status.st_mode);
}

std::expected<Descriptor, int> open_one(int folder, std::string_view name, int flags,
                                        unsigned mode) {
  const std::string terminated(name.empty() ? "." : name);
  Descriptor opened(retry_interrupted(
      [&] { return ::openat(folder, terminated.c_str(), flags | O_NOFOLLOW, mode); }));
  if (!opened.is_open()) return std::unexpected(errno);
  // O_PATH with O_NOFOLLOW opens the link itself.
  if ((flags & O_PATH) != 0 && is_symbolic_link(opened.get())) return std::unexpected(ELOOP);
  return opened;
}

std::expected<Descriptor, int> open_by_component(int root, std::string_view path, int flags,
                                                 unsigned mode) {
  Descriptor folder;
  for (;;) {
    const int from = folder.is_open() ? folder.get() : root;
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return open_one(from, path, flags, mode);
    auto next = open_one(from, path.substr(0, slash), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (!next) return next;
    folder = std::move(*next);
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Resolution find_resolution(int root) {
  const Descriptor probe(open_by_kernel(root, ".", O_PATH | O_CLOEXEC, 0));
  return !probe.is_open() && errno == ENOSYS ? Resolution::kByComponent : Resolution::kByKernel;
}

bool is_plain_path(std::string_view path) {
  if (path.empty()) return true;
  if (path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::expected<Descriptor, int> open_beneath(Resolution resolution, int root, std::string_view path,
                                            int flags, unsigned mode) {
  if (!is_plain_path(path)) return std::unexpected(EINVAL);
  flags |= O_CLOEXEC;
  if (resolution == Resolution::kByComponent) return open_by_component(root, path, flags, mode);
  const std::string terminated(path.empty() ? "." : path);
  Descriptor opened(open_by_kernel(root, terminated.c_str(), flags, mode));
  if (!opened.is_open()) return std::unexpected(errno);
  return opened;
}

}  // namespace longtake::base
