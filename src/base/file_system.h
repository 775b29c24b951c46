#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace longtake::base {

/// One open file. Destroying it closes it in silence.
///
/// Units      offsets and sizes in bytes.
/// Thread     one user at a time, except that `start_write_back` and `sync_data` may run beside `write_at`.
/// Errors     kResourceExhausted: no space, quota or inodes. kPermissionDenied: read-only or no right.
///            kUnavailable: may pass (EAGAIN, EINTR are retried inside). kDataLoss: EIO and its kin.
class File {
 public:
  virtual ~File() = default;
  /// Fewer bytes than asked for only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// Writes all parts, one after the other, from `offset` (pwritev). On failure a prefix may have been written.
  virtual Result<void> write_at(std::uint64_t offset, std::span<const ByteSpan> parts) = 0;
  /// Starts writing dirty pages without waiting (sync_file_range). A hint: where it is not supported it does nothing.
  virtual Result<void> start_write_back() = 0;
  /// fdatasync. After a failure the file must never be trusted again (docs/design/archive.md).
  virtual Result<void> sync_data() = 0;
  /// fsync.
  virtual Result<void> sync() = 0;
  /// Reserves blocks past the end without changing the size (fallocate KEEP_SIZE). kFailedPrecondition: not
  /// supported here.
  virtual Result<void> reserve(std::uint64_t offset, std::uint64_t length) = 0;
  /// Sets the size; also gives back blocks reserved behind it.
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// For sendfile; -1 where there is none (in memory).
  [[nodiscard]] virtual int descriptor() const = 0;
};

/// Held until destroyed, also by the kernel if the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode {
  kRead,
  kReadWrite,  // must exist
  kCreate,     // read and write, made if missing
  kCreateNew,  // O_EXCL: kAlreadyExists when the name is taken
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

struct FileStatus {
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  bool is_directory = false;
  WallTime modified;
};

struct SpaceStatus {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to us, not to root
  std::uint64_t total_inodes = 0;     // 0: the file system does not count them
  std::uint64_t available_inodes = 0;
  std::uint64_t file_system_id = 0;  // st_dev of the root folder
};

/// A tree of files below one root folder, which no path can leave.
///
/// Paths      relative to the root, `/` between parts; `""` is the root. No `.`, `..`, empty part or symbolic link
///            is followed (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS): kInvalidArgument.
/// Thread     every method from any thread.
/// Errors     as File, and kNotFound, kAlreadyExists. Messages name the path and errno's text.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) = 0;
  /// In order of name.
  virtual Result<std::vector<DirectoryEntry>> list(std::string_view path) = 0;
  virtual Result<FileStatus> status(std::string_view path) = 0;
  /// One level; fine if it is there already. Not durable before `sync_directory` of its parent.
  virtual Result<void> make_directory(std::string_view path) = 0;
  virtual Result<void> remove(std::string_view path) = 0;
  virtual Result<void> remove_directory(std::string_view path) = 0;
  /// Replaces `to`.
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
  /// fsync of a folder: its names are durable after it.
  virtual Result<void> sync_directory(std::string_view path) = 0;
  /// syncfs of the file system of the root. Errors of strangers are reported here too.
  virtual Result<void> sync_file_system() = 0;
  virtual Result<SpaceStatus> space() = 0;
  /// Exclusive, of the whole machine (flock). kFailedPrecondition when somebody else holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(std::string_view path) = 0;
  /// The root as the operator knows it, for messages and for libraries that open files themselves (SQLite);
  /// empty in memory.
  [[nodiscard]] virtual std::string root() const = 0;
};

/// "a/b"; either may be empty.
std::string join_path(std::string_view folder, std::string_view name);

/// At most `limit` bytes; kResourceExhausted when the file is larger.
Result<Bytes> read_file(FileSystem& files, std::string_view path, std::uint64_t limit);
/// Makes every level that is missing, and each durable.
Result<void> make_directories(FileSystem& files, std::string_view path);
/// A small whole file, durably old or new at any instant: temporary file, sync, rename, folder sync.
Result<void> atomic_replace(FileSystem& files, std::string_view path, ByteSpan content);

/// The real one. kNotFound or kPermissionDenied with a sentence when `root` cannot be used.
Result<std::unique_ptr<FileSystem>> open_file_system(std::string root);

}  // namespace longtake::base
