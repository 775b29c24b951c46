#include "base/faulty_file_system.h"

#include <algorithm>

#include "base/mutex.h"

namespace longtake::base {

using Kind = FileCall::Kind;

struct FaultyFileSystem::State {
  explicit State(FileSystem& target) : below(target) {}

  /// Asks the script about this call. The script runs without the lock: it may wait, and for
  /// another call.
  Fault ask(Kind kind, std::string_view path) LT_EXCLUDES(mutex) {
    Script asked;
    std::uint64_t number = 0;
    {
      const MutexLock lock(mutex);
      asked = script;
      number = ++calls;
    }
    if (!asked) return {};
    Fault fault = asked(FileCall{kind, path, number});
    if (fault.before) fault.before();
    return fault;
  }

  /// The script's error, or what `call` answers.
  template <class Call>
  auto pass(Kind kind, std::string_view path, Call call) -> decltype(call()) {
    Fault fault = ask(kind, path);
    if (fault.error) return std::unexpected(std::move(*fault.error));
    return call();
  }

  FileSystem& below;
  Mutex mutex;
  Script script LT_GUARDED_BY(mutex);
  std::uint64_t calls LT_GUARDED_BY(mutex) = 0;
};

namespace {

class FaultyFile final : public File {
 public:
  FaultyFile(std::shared_ptr<FaultyFileSystem::State> state, std::unique_ptr<File> below,
             std::string path)
      : state_(std::move(state)), below_(std::move(below)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return state_->pass(Kind::kRead, path_, [&] { return below_->read_at(offset, into); });
  }
  Result<void> write_at(std::uint64_t offset, std::span<const ByteSpan> parts) override {
    Fault fault = state_->ask(Kind::kWrite, path_);
    if (!fault.error) return below_->write_at(offset, parts);
    if (fault.written) LT_TRY(below_->write_at(offset, first_of(parts, *fault.written)));
    return std::unexpected(std::move(*fault.error));
  }
  Result<void> start_write_back() override {
    return state_->pass(Kind::kWriteBack, path_, [&] { return below_->start_write_back(); });
  }
  Result<void> sync_data() override {
    return state_->pass(Kind::kSyncData, path_, [&] { return below_->sync_data(); });
  }
  Result<void> sync() override {
    return state_->pass(Kind::kSync, path_, [&] { return below_->sync(); });
  }
  Result<void> reserve(std::uint64_t offset, std::uint64_t length) override {
    return state_->pass(Kind::kReserve, path_, [&] { return below_->reserve(offset, length); });
  }
  Result<void> truncate(std::uint64_t size) override {
    return state_->pass(Kind::kTruncate, path_, [&] { return below_->truncate(size); });
  }
  Result<std::uint64_t> size() override {
    return state_->pass(Kind::kStatus, path_, [&] { return below_->size(); });
  }
  [[nodiscard]] int descriptor() const override { return below_->descriptor(); }

 private:
  static std::vector<ByteSpan> first_of(std::span<const ByteSpan> parts, std::size_t bytes) {
    std::vector<ByteSpan> first;
    for (const ByteSpan part : parts) {
      const std::size_t count = std::min(part.size(), bytes);
      first.push_back(part.first(count));
      bytes -= count;
    }
    return first;
  }

  const std::shared_ptr<FaultyFileSystem::State> state_;
  const std::unique_ptr<File> below_;
  const std::string path_;
};

}  // namespace

FaultyFileSystem::FaultyFileSystem(FileSystem& below) : state_(std::make_shared<State>(below)) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::set_script(Script script) {
  const MutexLock lock(state_->mutex);
  state_->script.swap(script);  // the old one goes after the lock
  state_->calls = 0;
}

std::uint64_t FaultyFileSystem::calls() const {
  const MutexLock lock(state_->mutex);
  return state_->calls;
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(std::string_view path, OpenMode mode) {
  return state_->pass(Kind::kOpen, path, [&]() -> Result<std::unique_ptr<File>> {
    LT_ASSIGN(std::unique_ptr<File> file, state_->below.open(path, mode));
    return std::make_unique<FaultyFile>(state_, std::move(file), std::string(path));
  });
}

Result<std::vector<DirectoryEntry>> FaultyFileSystem::list(std::string_view path) {
  return state_->pass(Kind::kList, path, [&] { return state_->below.list(path); });
}

Result<FileStatus> FaultyFileSystem::status(std::string_view path) {
  return state_->pass(Kind::kStatus, path, [&] { return state_->below.status(path); });
}

Result<void> FaultyFileSystem::make_directory(std::string_view path) {
  return state_->pass(Kind::kMakeDirectory, path,
                      [&] { return state_->below.make_directory(path); });
}

Result<void> FaultyFileSystem::remove(std::string_view path) {
  return state_->pass(Kind::kRemove, path, [&] { return state_->below.remove(path); });
}

Result<void> FaultyFileSystem::remove_directory(std::string_view path) {
  return state_->pass(Kind::kRemove, path, [&] { return state_->below.remove_directory(path); });
}

Result<void> FaultyFileSystem::rename(std::string_view from, std::string_view to) {
  return state_->pass(Kind::kRename, from, [&] { return state_->below.rename(from, to); });
}

Result<void> FaultyFileSystem::sync_directory(std::string_view path) {
  return state_->pass(Kind::kSyncDirectory, path,
                      [&] { return state_->below.sync_directory(path); });
}

Result<void> FaultyFileSystem::sync_file_system() {
  return state_->pass(Kind::kSyncFileSystem, "", [&] { return state_->below.sync_file_system(); });
}

Result<SpaceStatus> FaultyFileSystem::space() {
  return state_->pass(Kind::kSpace, "", [&] { return state_->below.space(); });
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(std::string_view path) {
  return state_->pass(Kind::kLock, path, [&] { return state_->below.lock(path); });
}

std::string FaultyFileSystem::root() const { return state_->below.root(); }

}  // namespace longtake::base
