#pragma once

#include <memory>

#include "base/file_system.h"

namespace longtake::base {

/// A file system in memory that knows what was synced: `power_cut` keeps only that.
///
/// Ownership  copies share one tree. Files opened before a power cut answer kDataLoss after it.
/// Thread     as FileSystem.
class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(std::uint64_t capacity_bytes = UINT64_MAX / 4);
  ~MemoryFileSystem() override;

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
  [[nodiscard]] std::string root() const override { return {}; }

  /// Unsynced bytes, names, renames and removals vanish; every open file and lock is dead.
  void power_cut();
  void set_capacity(std::uint64_t bytes);
  /// What `space` says of inodes; at first, that nobody counts them.
  void set_inodes(std::uint64_t total, std::uint64_t available);
  /// Flips one bit of a stored file, as rot would.
  void flip_bit(std::string_view path, std::uint64_t bit);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace longtake::base
