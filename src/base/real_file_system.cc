#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/beneath.h"
#include "base/descriptor.h"
#include "base/file_system.h"
#include "base/system_error.h"

namespace longtake::base {
namespace {

constexpr unsigned kFileMode = 0600;
constexpr unsigned kFolderMode = 0700;

Result<off_t> to_offset(std::uint64_t value, std::string_view where) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return std::unexpected(errno_error(EFBIG, where, "seek"));
  }
  return static_cast<off_t>(value);
}

/// 0 or -1 with errno becomes a result.
Result<void> checked(int answer, std::string_view where, std::string_view what) {
  if (answer == -1) return std::unexpected(errno_error(errno, where, what));
  return {};
}

/// The parts not yet written, handed to pwritev a window at a time.
class PartsToWrite {
 public:
  explicit PartsToWrite(std::span<const ByteSpan> parts) : parts_(parts) { skip_empty(); }

  [[nodiscard]] bool is_empty() const { return parts_.empty(); }
  [[nodiscard]] std::span<const iovec> window() {
    std::size_t count = 0;
    std::size_t skipped = done_in_first_;
    for (; count < std::min(parts_.size(), window_.size()); ++count) {
      const ByteSpan part = parts_[count].subspan(skipped);
      skipped = 0;
      // iovec serves reads as well, hence no const there; pwritev does not write to it.
      window_[count] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    return {window_.data(), count};
  }
  void advance(std::size_t bytes) {
    done_in_first_ += bytes;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (!parts_.empty() && done_in_first_ >= parts_.front().size()) {
      done_in_first_ -= parts_.front().size();
      parts_ = parts_.subspan(1);
    }
  }

  std::span<const ByteSpan> parts_;
  std::size_t done_in_first_ = 0;
  std::array<iovec, 256> window_;  // IOV_MAX would allow 1024, 16 KiB of stack
};

class RealFile final : public File {
 public:
  RealFile(Descriptor descriptor, std::string name)
      : descriptor_(std::move(descriptor)), name_(std::move(name)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      LT_ASSIGN(const off_t at, to_offset(offset + done, name_));
      const auto rest = into.subspan(done);
      const ssize_t got = retry_interrupted(
          [&] { return ::pread(descriptor_.get(), rest.data(), rest.size(), at); });
      if (got == -1) return std::unexpected(errno_error(errno, name_, "read"));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write_at(std::uint64_t offset, std::span<const ByteSpan> parts) override {
    PartsToWrite left(parts);
    while (!left.is_empty()) {
      LT_ASSIGN(const off_t at, to_offset(offset, name_));
      const auto window = left.window();
      const ssize_t done = retry_interrupted([&] {
        return ::pwritev(descriptor_.get(), window.data(), static_cast<int>(window.size()), at);
      });
      if (done == -1) return std::unexpected(errno_error(errno, name_, "write"));
      // A short write goes on: the next call names the reason, if there is one. Nothing at all
      // would go on for ever.
      if (done == 0) return std::unexpected(errno_error(EIO, name_, "write"));
      offset += static_cast<std::uint64_t>(done);
      left.advance(static_cast<std::size_t>(done));
    }
    return {};
  }

  Result<void> start_write_back() override {
    const int answer = retry_interrupted(
        [&] { return ::sync_file_range(descriptor_.get(), 0, 0, SYNC_FILE_RANGE_WRITE); });
    // Only a hint: EINVAL and ESPIPE are how file systems say they do not know it.
    if (answer == -1 && (errno == ENOSYS || errno == EINVAL || errno == ESPIPE)) return {};
    return checked(answer, name_, "start write-back");
  }
  Result<void> sync_data() override {
    return checked(retry_interrupted([&] { return ::fdatasync(descriptor_.get()); }), name_,
                   "fdatasync");
  }
  Result<void> sync() override {
    return checked(retry_interrupted([&] { return ::fsync(descriptor_.get()); }), name_, "fsync");
  }

  Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    if (length == 0) return {};
    LT_ASSIGN(const off_t from, to_offset(offset, name_));
    LT_ASSIGN(const off_t count, to_offset(length, name_));
    return checked(retry_interrupted([&] {
                     return ::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, from, count);
                   }),
                   name_, "reserve");
  }
  Result<void> truncate(std::uint64_t size) override {
    LT_ASSIGN(const off_t to, to_offset(size, name_));
    return checked(retry_interrupted([&] { return ::ftruncate(descriptor_.get(), to); }), name_,
                   "truncate");
  }
  Result<std::uint64_t> size() override {
    struct stat status{};
    LT_TRY(checked(::fstat(descriptor_.get(), &status), name_, "stat"));
    return static_cast<std::uint64_t>(status.st_size);
  }
  [[nodiscard]] int descriptor() const override { return descriptor_.get(); }

 private:
  Descriptor descriptor_;
  std::string name_;  // as the operator knows it
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // flock goes with the last descriptor of the open file
};

struct FolderCloser {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, FolderCloser>;

/// A folder, opened, and the name of one thing in it: what the *at() calls want.
struct Place {
  Descriptor folder;
  std::string name;
};

class RealFileSystem final : public FileSystem {
 public:
  RealFileSystem(Descriptor root, std::string name)
      : root_(std::move(root)), name_(std::move(name)), resolution_(find_resolution(root_.get())) {}

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override {
    LT_ASSIGN(Descriptor descriptor, open_regular(path, mode));
    return std::make_unique<RealFile>(std::move(descriptor), full(path));
  }

  Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
  Result<FileStatus> status(std::string_view path) override;

  Result<void> make_directory(std::string_view path) override {
    LT_ASSIGN(const Place place, locate(path, "make folder"));
    const int answer = ::mkdirat(place.folder.get(), place.name.c_str(), kFolderMode);
    if (answer == -1 && errno == EEXIST) return must_be_folder(path);
    return checked(answer, full(path), "make folder");
  }
  Result<void> remove(std::string_view path) override {
    LT_ASSIGN(const Place place, locate(path, "remove"));
    return checked(::unlinkat(place.folder.get(), place.name.c_str(), 0), full(path), "remove");
  }
  Result<void> remove_directory(std::string_view path) override {
    LT_ASSIGN(const Place place, locate(path, "remove folder"));
    return checked(::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR), full(path),
                   "remove folder");
  }
  Result<void> rename(std::string_view from, std::string_view to) override {
    const std::string what = fmt::format("rename to {}", to);
    // Both before anything is looked up: a path that can never work is told as that.
    if (to.empty() || !is_plain_path(to)) {
      return std::unexpected(errno_error(EINVAL, full(from), what));
    }
    LT_ASSIGN(const Place source, locate(from, what));
    LT_ASSIGN(const Place target, locate(to, "rename to here"));
    return checked(::renameat(source.folder.get(), source.name.c_str(), target.folder.get(),
                              target.name.c_str()),
                   full(from), what);
  }

  Result<void> sync_directory(std::string_view path) override {
    LT_ASSIGN(const Descriptor folder, open_path(path, O_RDONLY | O_DIRECTORY, "open folder"));
    return checked(retry_interrupted([&] { return ::fsync(folder.get()); }), full(path),
                   "fsync folder");
  }
  Result<void> sync_file_system() override {
    return checked(retry_interrupted([&] { return ::syncfs(root_.get()); }), name_, "syncfs");
  }

  Result<SpaceStatus> space() override;
  Result<std::unique_ptr<FileLock>> lock(std::string_view path) override;
  [[nodiscard]] std::string root() const override { return name_; }

 private:
  [[nodiscard]] std::string full(std::string_view path) const { return join_path(name_, path); }

  Result<Descriptor> open_path(std::string_view path, int flags, std::string_view what) {
    auto opened = open_beneath(resolution_, root_.get(), path, flags, kFileMode);
    if (!opened) return std::unexpected(errno_error(opened.error(), full(path), what));
    return std::move(*opened);
  }

  Result<Descriptor> open_regular(std::string_view path, OpenMode mode) {
    // O_NONBLOCK: a FIFO put in a file's place must not hold us. It means nothing to regular files.
    int flags = O_NONBLOCK | O_NOCTTY;
    switch (mode) {
      case OpenMode::kRead:
        flags |= O_RDONLY;
        break;
      case OpenMode::kReadWrite:
        flags |= O_RDWR;
        break;
      case OpenMode::kCreate:
        flags |= O_RDWR | O_CREAT;
        break;
      case OpenMode::kCreateNew:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    LT_ASSIGN(Descriptor descriptor, open_path(path, flags, "open"));
    struct stat status{};
    LT_TRY(checked(::fstat(descriptor.get(), &status), full(path), "stat"));
    if (S_ISDIR(status.st_mode)) return std::unexpected(errno_error(EISDIR, full(path), "open"));
    if (!S_ISREG(status.st_mode)) {
      return fail(ErrorCode::kInvalidArgument, full(path) + ": is not a regular file");
    }
    return descriptor;
  }

  Result<Place> locate(std::string_view path, std::string_view what) {
    const std::size_t slash = path.rfind('/');
    const bool is_top = slash == std::string_view::npos;
    // Checked as a whole first, because the name alone will not go through open_beneath.
    if (path.empty() || !is_plain_path(path)) {
      return std::unexpected(errno_error(EINVAL, full(path), what));
    }
    LT_ASSIGN(Descriptor folder,
              open_path(is_top ? "" : path.substr(0, slash), O_PATH | O_DIRECTORY, "open folder"));
    return Place{std::move(folder), std::string(is_top ? path : path.substr(slash + 1))};
  }

  Result<void> must_be_folder(std::string_view path) {
    LT_ASSIGN(const FileStatus found, status(path));
    if (found.is_directory) return {};
    return std::unexpected(errno_error(ENOTDIR, full(path), "make folder"));
  }

  Descriptor root_;
  std::string name_;
  Resolution resolution_;
};

Result<std::vector<DirectoryEntry>> RealFileSystem::list(std::string_view path) {
  LT_ASSIGN(Descriptor descriptor, open_path(path, O_RDONLY | O_DIRECTORY, "open folder"));
  const Folder folder(::fdopendir(descriptor.get()));
  if (folder == nullptr) return std::unexpected(errno_error(errno, full(path), "list"));
  const int folder_descriptor = descriptor.release();  // the folder's from here on
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr && errno != 0) {
      return std::unexpected(errno_error(errno, full(path), "list"));
    }
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {  // some file systems do not say
      struct stat status{};
      const int answer = ::fstatat(folder_descriptor, entry->d_name, &status, AT_SYMLINK_NOFOLLOW);
      if (answer == -1 && errno == ENOENT) continue;  // removed meanwhile
      LT_TRY(checked(answer, full(join_path(path, name)), "stat"));
      is_directory = S_ISDIR(status.st_mode);
    }
    entries.push_back({std::string(name), is_directory});
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<FileStatus> RealFileSystem::status(std::string_view path) {
  LT_ASSIGN(const Descriptor descriptor, open_path(path, O_PATH, "stat"));
  struct stat status{};
  LT_TRY(checked(::fstat(descriptor.get(), &status), full(path), "stat"));
  constexpr std::uint64_t kStatBlockBytes =
      512;  // st_blocks counts these, whatever st_blksize says
  return FileStatus{
      .size_bytes = static_cast<std::uint64_t>(status.st_size),
      .allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes,
      .is_directory = S_ISDIR(status.st_mode),
      .modified = WallTime(seconds(status.st_mtim.tv_sec) +
                           std::chrono::floor<microseconds>(nanoseconds(status.st_mtim.tv_nsec))),
  };
}

Result<SpaceStatus> RealFileSystem::space() {
  struct statvfs volume{};
  LT_TRY(checked(retry_interrupted([&] { return ::fstatvfs(root_.get(), &volume); }), name_,
                 "statvfs"));
  struct stat status{};
  LT_TRY(checked(::fstat(root_.get(), &status), name_, "stat"));
  return SpaceStatus{
      .total_bytes = volume.f_blocks * volume.f_frsize,
      .available_bytes = volume.f_bavail * volume.f_frsize,
      .total_inodes = volume.f_files,
      .available_inodes = volume.f_favail,
      .file_system_id = status.st_dev,
  };
}

Result<std::unique_ptr<FileLock>> RealFileSystem::lock(std::string_view path) {
  LT_ASSIGN(Descriptor descriptor, open_regular(path, OpenMode::kCreate));
  const int answer =
      retry_interrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); });
  if (answer == -1 && errno == EWOULDBLOCK) {
    return fail(ErrorCode::kFailedPrecondition, full(path) + ": is locked by another process");
  }
  LT_TRY(checked(answer, full(path), "lock"));
  return std::make_unique<RealFileLock>(std::move(descriptor));
}

}  // namespace

Result<std::unique_ptr<FileSystem>> open_file_system(std::string root) {
  Descriptor folder(
      retry_interrupted([&] { return ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!folder.is_open()) return std::unexpected(errno_error(errno, root, "open folder"));
  // Not asked for writing here: `longtake check` also reads disks that are mounted read-only.
  if (::faccessat(folder.get(), ".", X_OK, AT_EACCESS) == -1) {
    return std::unexpected(errno_error(errno, root, "enter this folder"));
  }
  return std::make_unique<RealFileSystem>(std::move(folder), std::move(root));
}

}  // namespace longtake::base
