#include "base/file_system.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/kill_point.h"

namespace longtake::base {
namespace {

/// "a/b" of "a/b/c"; "" of "a".
std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Result<void> write_whole(FileSystem& files, std::string_view path, ByteSpan content) {
  LT_ASSIGN(const std::unique_ptr<File> file, files.open(path, OpenMode::kCreateNew));
  const ByteSpan parts[] = {content};
  LT_TRY(file->write_at(0, parts));
  return file->sync();
}

}  // namespace

std::string join_path(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  if (name.empty()) return std::string(folder);
  return fmt::format("{}/{}", folder, name);
}

Result<Bytes> read_file(FileSystem& files, std::string_view path, std::uint64_t limit) {
  LT_ASSIGN(const std::unique_ptr<File> file, files.open(path, OpenMode::kRead));
  LT_ASSIGN(const std::uint64_t size, file->size());
  if (size > limit) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("{}: holds {} bytes, more than the {} that are read at once", path,
                            size, limit));
  }
  Bytes content(static_cast<std::size_t>(size));
  LT_ASSIGN(const std::size_t got, file->read_at(0, content));
  content.resize(got);
  return content;
}

Result<void> make_directories(FileSystem& files, std::string_view path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string_view level = path.substr(0, end);
    LT_TRY(files.make_directory(level));
    kill_point("make_directories.made");
    // Also when it was there before: an earlier attempt may have failed, or been killed, just
    // before its sync.
    LT_TRY(files.sync_directory(parent_of(level)));
  }
  return {};
}

Result<void> atomic_replace(FileSystem& files, std::string_view path, ByteSpan content) {
  const std::string temporary = std::string(path) + ".new";
  // A crash may have left one behind. It is not written over: after a failed sync its pages lie
  // (docs/design/archive.md).
  if (auto removed = files.remove(temporary);
      !removed && removed.error().code() != ErrorCode::kNotFound) {
    return removed;
  }
  auto replaced = write_whole(files, temporary, content);
  if (replaced) {
    kill_point("atomic_replace.written");
    replaced = files.rename(temporary, path);
  }
  if (!replaced) {
    // The first error is the one to tell; what is left behind is removed by the next attempt.
    static_cast<void>(files.remove(temporary));
    return replaced;
  }
  kill_point("atomic_replace.renamed");
  LT_TRY(files.sync_directory(parent_of(path)));
  kill_point("atomic_replace.synced");
  return {};
}

}  // namespace longtake::base
