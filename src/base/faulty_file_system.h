#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"

namespace longtake::base {

/// One call into a file system, as a fault script sees it.
struct FileCall {
  enum class Kind {
    kOpen,
    kRead,
    kWrite,
    kWriteBack,
    kSyncData,
    kSync,
    kReserve,
    kTruncate,
    kList,
    kStatus,
    kMakeDirectory,
    kRemove,
    kRename,
    kSyncDirectory,
    kSyncFileSystem,
    kSpace,
    kLock,
  };
  Kind kind;
  std::string_view path;
  std::uint64_t number;  // of all calls since the script was set, from 1
};

/// What a script makes of a call. Default: let it through.
struct Fault {
  std::optional<Error> error;  // answer this instead of calling through
  std::optional<std::size_t>
      written;  // with error, for kWrite: this many bytes reach the file first (short write)
  std::function<void()> before;  // runs first: a delay, a latch a test holds
};

/// Passes every call to another file system, or makes of it what a script says: N-th error, delay, short write.
///
/// Ownership  borrows the file system below.
/// Thread     as FileSystem; the script may be called from several threads at once.
class FaultyFileSystem final : public FileSystem {
 public:
  using Script = std::function<Fault(const FileCall&)>;

  explicit FaultyFileSystem(FileSystem& below);
  ~FaultyFileSystem() override;
  void set_script(Script script);
  /// Calls seen since the last `set_script`.
  [[nodiscard]] std::uint64_t calls() const;

  Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  Result<std::vector<DirectoryEntry>> list(std::string_view path) override;
  Result<FileStatus> status(std::string_view path) override;
  Result<void> make_directory(std::string_view path) override;
  Result<void> remove(std::string_view path) override;
  Result<void> remove_directory(std::string_view path) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> sync_directory(std::string_view path) override;
  Result<void> sync_file_system() override;
  Result<SpaceStatus> space() override;
  Result<std::unique_ptr<FileLock>> lock(std::string_view path) override;
  [[nodiscard]] std::string root() const override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace longtake::base
