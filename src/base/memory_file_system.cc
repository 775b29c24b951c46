#include "base/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <expected>
#include <map>
#include <set>
#include <utility>

#include "base/beneath.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/system_error.h"

namespace longtake::base {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 40U;

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Entries = std::map<std::string, NodePtr, std::less<>>;
template <class T>
using OrErrno = std::expected<T, int>;

WallTime wall_now() { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }

/// A file or folder, as it is and as the disk would give it back after a power cut.
struct Node {
  bool is_directory = false;
  WallTime modified = wall_now();

  Entries entries;  // of a folder
  Entries synced_entries;

  Bytes content;  // of a file
  Bytes synced_content;
  std::uint64_t reserved_end = 0;
  std::uint64_t synced_reserved_end = 0;
  std::size_t dirty_begin =
      SIZE_MAX;  // [begin, end) of content may differ from synced_content, as may its size
  std::size_t dirty_end = 0;
  int names = 0;  // in entries anywhere
  int opens = 0;
  bool is_locked = false;

  [[nodiscard]] std::uint64_t allocated_bytes() const {
    return std::max<std::uint64_t>(content.size(), reserved_end);
  }
  void touch(std::size_t begin, std::size_t end) {
    dirty_begin = std::min(dirty_begin, begin);
    dirty_end = std::max(dirty_end, end);
    modified = wall_now();
  }
  void sync() {
    synced_entries = entries;
    synced_reserved_end = reserved_end;
    synced_content.resize(content.size());
    const std::size_t end = std::min(dirty_end, content.size());
    // Only what changed: commits come once a second, and copying whole segments would make tests
    // crawl.
    if (dirty_begin < end) {
      std::copy(content.begin() + static_cast<std::ptrdiff_t>(dirty_begin),
                content.begin() + static_cast<std::ptrdiff_t>(end),
                synced_content.begin() + static_cast<std::ptrdiff_t>(dirty_begin));
    }
    dirty_begin = SIZE_MAX;
    dirty_end = 0;
  }
  void revert() {
    entries = synced_entries;
    content = synced_content;
    reserved_end = synced_reserved_end;
    dirty_begin = SIZE_MAX;
    dirty_end = 0;
    opens = 0;
    is_locked = false;
  }
};

/// Where a path ends: its folder, and the node, if there is one. The root has no folder.
struct Found {
  NodePtr folder;
  std::string name;
  NodePtr node;
};

/// The tree without its lock; errors are errno, so that codes and messages are those of the real
/// file system.
class Tree {
 public:
  explicit Tree(std::uint64_t capacity) : capacity_(capacity) {
    root_->is_directory = true;
    root_->names = 1;
  }

  OrErrno<Found> find(std::string_view path) const;
  OrErrno<NodePtr> existing(std::string_view path) const;
  OrErrno<NodePtr> folder(std::string_view path) const;
  OrErrno<NodePtr> open(std::string_view path, OpenMode mode);
  int make_directory(std::string_view path);
  int remove(std::string_view path, bool is_directory);
  int rename(std::string_view from, std::string_view to);
  int write(Node& node, std::uint64_t offset, std::span<const ByteSpan> parts);
  int reserve(Node& node, std::uint64_t offset, std::uint64_t length);
  int truncate(Node& node, std::uint64_t size);
  void close(Node& node) {
    if (--node.opens == 0 && node.names == 0) used_ -= node.allocated_bytes();
  }
  void sync_all() {
    walk([](Node& node) { node.sync(); });
  }
  void power_cut();

  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  [[nodiscard]] std::uint64_t available() const { return capacity_ - std::min(capacity_, used_); }
  /// Counts power cuts; files and locks of an earlier one are dead.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  void link(const Found& at, NodePtr node) {
    ++node->names;
    at.folder->modified = wall_now();
    at.folder->entries.insert_or_assign(at.name, std::move(node));
  }
  void unlink(const Found& at) {
    at.folder->entries.erase(at.name);
    at.folder->modified = wall_now();
    if (--at.node->names == 0 && at.node->opens == 0) used_ -= at.node->allocated_bytes();
  }
  /// Visits each node once, folders before what is in them.
  template <class Visit>
  void walk(Visit visit);

  NodePtr root_ = std::make_shared<Node>();
  std::uint64_t capacity_;
  std::uint64_t used_ = 0;  // allocated by nodes that have a name or are open
  std::uint64_t generation_ = 0;
};

template <class Visit>
void Tree::walk(Visit visit) {
  std::set<Node*> seen{root_.get()};
  std::vector<NodePtr> waiting{root_};
  while (!waiting.empty()) {
    const NodePtr node = std::move(waiting.back());
    waiting.pop_back();
    visit(*node);
    for (const auto& [name, child] : node->entries) {
      if (seen.insert(child.get()).second) waiting.push_back(child);
    }
  }
}

OrErrno<Found> Tree::find(std::string_view path) const {
  if (!is_plain_path(path)) return std::unexpected(EINVAL);
  Found at{.folder = nullptr, .name = {}, .node = root_};
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (at.node == nullptr) return std::unexpected(ENOENT);
    if (!at.node->is_directory) return std::unexpected(ENOTDIR);
    const auto entry = at.node->entries.find(part);
    const bool is_there = entry != at.node->entries.end();
    at.folder = std::move(at.node);
    at.name = part;
    at.node = is_there ? entry->second : nullptr;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return at;
}

OrErrno<NodePtr> Tree::existing(std::string_view path) const {
  auto at = find(path);
  if (!at) return std::unexpected(at.error());
  if (at->node == nullptr) return std::unexpected(ENOENT);
  return std::move(at->node);
}

OrErrno<NodePtr> Tree::folder(std::string_view path) const {
  auto node = existing(path);
  if (node && !(*node)->is_directory) return std::unexpected(ENOTDIR);
  return node;
}

OrErrno<NodePtr> Tree::open(std::string_view path, OpenMode mode) {
  auto at = find(path);
  if (!at) return std::unexpected(at.error());
  const bool is_missing = at->node == nullptr;
  if (!is_missing && mode == OpenMode::kCreateNew) return std::unexpected(EEXIST);
  if (!is_missing && at->node->is_directory) return std::unexpected(EISDIR);
  if (is_missing) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return std::unexpected(ENOENT);
    at->node = std::make_shared<Node>();
    link(*at, at->node);
  }
  ++at->node->opens;
  return std::move(at->node);
}

int Tree::make_directory(std::string_view path) {
  if (path.empty()) return EINVAL;
  const auto at = find(path);
  if (!at) return at.error();
  if (at->node != nullptr) return at->node->is_directory ? 0 : ENOTDIR;
  auto made = std::make_shared<Node>();
  made->is_directory = true;
  link(*at, std::move(made));
  return 0;
}

int Tree::remove(std::string_view path, bool is_directory) {
  if (path.empty()) return EINVAL;
  const auto at = find(path);
  if (!at) return at.error();
  if (at->node == nullptr) return ENOENT;
  if (at->node->is_directory != is_directory) return is_directory ? ENOTDIR : EISDIR;
  if (!at->node->entries.empty()) return ENOTEMPTY;
  unlink(*at);
  return 0;
}

int Tree::rename(std::string_view from, std::string_view to) {
  if (from.empty() || !is_plain_path(from) || to.empty() || !is_plain_path(to)) return EINVAL;
  const auto source = find(from);
  if (!source) return source.error();
  const auto target = find(to);
  if (!target) return target.error();
  if (source->node == nullptr) return ENOENT;
  if (target->node == source->node) return 0;
  if (source->node->is_directory && to.starts_with(std::string(from) + "/")) return EINVAL;
  if (target->node != nullptr) {
    // A folder that holds the source is never empty.
    if (from.starts_with(std::string(to) + "/")) return ENOTEMPTY;
    if (source->node->is_directory != target->node->is_directory) {
      return source->node->is_directory ? ENOTDIR : EISDIR;
    }
    if (!target->node->entries.empty()) return ENOTEMPTY;
    unlink(*target);
  }
  link(*target, source->node);
  unlink(*source);
  return 0;
}

int Tree::write(Node& node, std::uint64_t offset, std::span<const ByteSpan> parts) {
  std::uint64_t room_end = node.allocated_bytes() + available();
  for (ByteSpan part : parts) {
    if (offset > kMaxFileBytes || part.size() > kMaxFileBytes - offset) return EFBIG;
    const bool is_short = offset + part.size() > room_end;
    // As on a real disk, what still fits is written before the error.
    if (is_short)
      part = part.first(static_cast<std::size_t>(room_end - std::min(offset, room_end)));
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + part.size();
    if (!part.empty()) {
      const std::uint64_t before = node.allocated_bytes();
      node.touch(std::min(begin, node.content.size()), end);
      if (node.content.size() < end) node.content.resize(end);
      std::ranges::copy(part, node.content.begin() + static_cast<std::ptrdiff_t>(begin));
      used_ += node.allocated_bytes() - before;
    }
    if (is_short) return ENOSPC;
    offset = end;
  }
  return 0;
}

int Tree::reserve(Node& node, std::uint64_t offset, std::uint64_t length) {
  if (offset > kMaxFileBytes || length > kMaxFileBytes - offset) return EFBIG;
  const std::uint64_t before = node.allocated_bytes();
  const std::uint64_t end = offset + length;
  if (end <= before) return 0;
  if (end - before > available()) return ENOSPC;
  node.reserved_end = end;
  used_ += end - before;
  return 0;
}

int Tree::truncate(Node& node, std::uint64_t size) {
  if (size > kMaxFileBytes) return EFBIG;
  if (size > node.content.size() && size - node.content.size() > available()) return ENOSPC;
  const std::uint64_t before = node.allocated_bytes();
  const auto target = static_cast<std::size_t>(size);
  node.touch(std::min(target, node.content.size()), std::max(target, node.content.size()));
  node.content.resize(target);
  node.reserved_end = 0;
  used_ = used_ - before + node.allocated_bytes();
  return 0;
}

void Tree::power_cut() {
  ++generation_;
  // Reverted before its children are looked at: what is on the disk decides what is visited.
  walk([](Node& node) {
    node.revert();
    node.names = 0;
  });
  used_ = 0;
  root_->names = 1;
  walk([this](Node& node) {
    used_ += node.allocated_bytes();
    for (const auto& [name, child] : node.entries) ++child->names;
  });
}

}  // namespace

struct MemoryFileSystem::State {
  explicit State(std::uint64_t capacity) : tree(capacity) {}

  Mutex mutex;
  Tree tree LT_GUARDED_BY(mutex);
  std::uint64_t total_inodes LT_GUARDED_BY(mutex) = 0;
  std::uint64_t available_inodes LT_GUARDED_BY(mutex) = 0;
};

namespace {

using StatePtr = std::shared_ptr<MemoryFileSystem::State>;

Result<void> checked(int number, std::string_view path, std::string_view what) {
  if (number != 0) return std::unexpected(errno_error(number, path, what));
  return {};
}

class MemoryFile final : public File {
 public:
  MemoryFile(StatePtr state, NodePtr node, std::uint64_t generation, std::string path,
             OpenMode mode)
      : state_(std::move(state)),
        node_(std::move(node)),
        generation_(generation),
        path_(std::move(path)),
        is_read_only_(mode == OpenMode::kRead) {}
  ~MemoryFile() override {
    const MutexLock lock(state_->mutex);
    if (is_alive()) state_->tree.close(*node_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const MutexLock lock(state_->mutex);
    LT_TRY(checked(is_alive() ? 0 : EIO, path_, "read"));
    const Bytes& content = node_->content;
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t count =
        std::min(into.size(), content.size() - static_cast<std::size_t>(offset));
    std::ranges::copy(ByteSpan(content).subspan(static_cast<std::size_t>(offset), count),
                      into.begin());
    return count;
  }
  Result<void> write_at(std::uint64_t offset, std::span<const ByteSpan> parts) override {
    return change("write", [&](Tree& tree) { return tree.write(*node_, offset, parts); });
  }
  Result<void> start_write_back() override {
    const MutexLock lock(state_->mutex);
    return checked(is_alive() ? 0 : EIO, path_, "start write-back");
  }
  Result<void> sync_data() override { return sync_as("fdatasync"); }
  Result<void> sync() override { return sync_as("fsync"); }
  Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    return change("reserve", [&](Tree& tree) { return tree.reserve(*node_, offset, length); });
  }
  Result<void> truncate(std::uint64_t size) override {
    return change("truncate", [&](Tree& tree) { return tree.truncate(*node_, size); });
  }
  Result<std::uint64_t> size() override {
    const MutexLock lock(state_->mutex);
    LT_TRY(checked(is_alive() ? 0 : EIO, path_, "stat"));
    return std::uint64_t{node_->content.size()};
  }
  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  [[nodiscard]] bool is_alive() const LT_REQUIRES(state_->mutex) {
    return state_->tree.generation() == generation_;
  }
  template <class Change>
  Result<void> change(std::string_view what, Change apply) {
    const MutexLock lock(state_->mutex);
    if (!is_alive()) return checked(EIO, path_, what);
    return checked(is_read_only_ ? EBADF : apply(state_->tree), path_, what);
  }
  Result<void> sync_as(std::string_view what) {
    const MutexLock lock(state_->mutex);
    LT_TRY(checked(is_alive() ? 0 : EIO, path_, what));
    node_->sync();
    return {};
  }

  const StatePtr state_;
  const NodePtr node_;  // its fields are guarded by state_->mutex
  const std::uint64_t generation_;
  const std::string path_;
  const bool is_read_only_;
};

class MemoryFileLock final : public FileLock {
 public:
  MemoryFileLock(StatePtr state, NodePtr node, std::uint64_t generation)
      : state_(std::move(state)), node_(std::move(node)), generation_(generation) {}
  ~MemoryFileLock() override {
    const MutexLock lock(state_->mutex);
    if (state_->tree.generation() != generation_) return;
    node_->is_locked = false;
    state_->tree.close(*node_);
  }
  MemoryFileLock(const MemoryFileLock&) = delete;
  MemoryFileLock& operator=(const MemoryFileLock&) = delete;

 private:
  const StatePtr state_;
  const NodePtr node_;
  const std::uint64_t generation_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem(std::uint64_t capacity_bytes)
    : state_(std::make_shared<State>(capacity_bytes)) {}
MemoryFileSystem::~MemoryFileSystem() = default;

Result<std::unique_ptr<File>> MemoryFileSystem::open(std::string_view path, OpenMode mode) {
  const MutexLock lock(state_->mutex);
  auto node = state_->tree.open(path, mode);
  if (!node) return std::unexpected(errno_error(node.error(), path, "open"));
  return std::make_unique<MemoryFile>(state_, std::move(*node), state_->tree.generation(),
                                      std::string(path), mode);
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::list(std::string_view path) {
  const MutexLock lock(state_->mutex);
  const auto folder = state_->tree.folder(path);
  if (!folder) return std::unexpected(errno_error(folder.error(), path, "open folder"));
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : (*folder)->entries) entries.push_back({name, node->is_directory});
  return entries;
}

Result<FileStatus> MemoryFileSystem::status(std::string_view path) {
  const MutexLock lock(state_->mutex);
  const auto found = state_->tree.existing(path);
  if (!found) return std::unexpected(errno_error(found.error(), path, "stat"));
  const Node& node = **found;
  return FileStatus{.size_bytes = node.content.size(),
                    .allocated_bytes = node.allocated_bytes(),
                    .is_directory = node.is_directory,
                    .modified = node.modified};
}

Result<void> MemoryFileSystem::make_directory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  return checked(state_->tree.make_directory(path), path, "make folder");
}

Result<void> MemoryFileSystem::remove(std::string_view path) {
  const MutexLock lock(state_->mutex);
  return checked(state_->tree.remove(path, false), path, "remove");
}

Result<void> MemoryFileSystem::remove_directory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  return checked(state_->tree.remove(path, true), path, "remove folder");
}

Result<void> MemoryFileSystem::rename(std::string_view from, std::string_view to) {
  const MutexLock lock(state_->mutex);
  return checked(state_->tree.rename(from, to), from, "rename to " + std::string(to));
}

Result<void> MemoryFileSystem::sync_directory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  const auto folder = state_->tree.folder(path);
  if (!folder) return std::unexpected(errno_error(folder.error(), path, "fsync folder"));
  (*folder)->sync();
  return {};
}

Result<void> MemoryFileSystem::sync_file_system() {
  const MutexLock lock(state_->mutex);
  state_->tree.sync_all();
  return {};
}

Result<SpaceStatus> MemoryFileSystem::space() {
  const MutexLock lock(state_->mutex);
  return SpaceStatus{.total_bytes = state_->tree.capacity(),
                     .available_bytes = state_->tree.available(),
                     .total_inodes = state_->total_inodes,
                     .available_inodes = state_->available_inodes,
                     .file_system_id = 1};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(std::string_view path) {
  const MutexLock lock(state_->mutex);
  auto node = state_->tree.open(path, OpenMode::kCreate);
  if (!node) return std::unexpected(errno_error(node.error(), path, "open"));
  if ((*node)->is_locked) {
    state_->tree.close(**node);
    return fail(ErrorCode::kFailedPrecondition,
                std::string(path) + ": is locked by another process");
  }
  (*node)->is_locked = true;
  return std::make_unique<MemoryFileLock>(state_, std::move(*node), state_->tree.generation());
}

void MemoryFileSystem::power_cut() {
  const MutexLock lock(state_->mutex);
  state_->tree.power_cut();
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  const MutexLock lock(state_->mutex);
  state_->tree.set_capacity(bytes);
}

void MemoryFileSystem::set_inodes(std::uint64_t total, std::uint64_t available) {
  const MutexLock lock(state_->mutex);
  state_->total_inodes = total;
  state_->available_inodes = available;
}

void MemoryFileSystem::flip_bit(std::string_view path, std::uint64_t bit) {
  const MutexLock lock(state_->mutex);
  const auto found = state_->tree.existing(path);
  LT_CHECK(found.has_value());
  Node& node = **found;
  const auto at = static_cast<std::size_t>(bit / 8);
  LT_CHECK(at < node.content.size());
  const auto mask = static_cast<std::byte>(1U << (bit % 8));
  node.content[at] ^= mask;
  if (at < node.synced_content.size()) node.synced_content[at] ^= mask;
}

}  // namespace longtake::base
