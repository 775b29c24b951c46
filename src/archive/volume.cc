#include "archive/volume.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>

#include "base/check.h"
#include "base/kill_point.h"

namespace longtake::archive {
namespace {

constexpr const char* kLockPath = "lock";
constexpr std::uint64_t kLockBytes = 256;
constexpr std::uint64_t kRunsPerStart = 1U << 24U;
constexpr std::int64_t kYear10000Us = 253'402'300'800'000'000;  // we never lived beyond

std::string shown(const base::FileSystem& files) {
  const std::string root = files.root();
  return root.empty() ? "data folder" : fmt::format("data folder {}", root);
}

/// What may lie in a folder that has no volume.json yet: a fresh file system, or a start that was cut short.
bool belongs_to_a_fresh_volume(const std::string& name) {
  return name == "lost+found" || name == kLockPath || name.starts_with(kVolumeManifestPath);
}

/// Whether the folder is a volume already. Fails for one that holds something else.
Result<bool> is_volume(base::FileSystem& files) {
  auto entries = files.list("");
  if (!entries) return std::unexpected(std::move(entries).error().in(shown(files)));
  const auto stranger = std::ranges::find_if(*entries, [](const base::DirectoryEntry& entry) {
    return !belongs_to_a_fresh_volume(entry.name);
  });
  const bool has_manifest = std::ranges::any_of(*entries, [](const base::DirectoryEntry& entry) {
    return entry.name == kVolumeManifestPath;
  });
  if (!has_manifest && stranger != entries->end()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} holds \"{}\" but no {}: it is not one of longtake's; name an empty "
                            "folder, or one that longtake made",
                            shown(files), stranger->name, kVolumeManifestPath));
  }
  return has_manifest;
}

/// "pid=12 boot=... wall_us=..." and spaces up to one fixed length: rewritten in place, within one sector.
struct LockText {
  std::uint64_t pid = 0;
  std::string boot_id;
  std::int64_t wall_us = 0;
};

std::string format_lock_text(const LockText& text) {
  std::string line =
      fmt::format("pid={} boot={} wall_us={} ", text.pid, text.boot_id, text.wall_us);
  line.resize(kLockBytes - 1, ' ');
  return line + "\n";
}

std::string_view value_of(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find(' '));
}

template <class T>
std::optional<T> number_in(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Manifests hold milliseconds; a fact with more would not equal what a rebuild reads.
WallTime now_in_manifests(const base::Clock& clock) {
  return std::chrono::floor<milliseconds>(clock.wall_now());
}

/// Whatever of it cannot be read is left at nothing: it only bounds a downtime.
std::optional<LockText> read_lock_text(base::FileSystem& files) {
  const auto content = base::read_file(files, kLockPath, kLockBytes);
  if (!content) return std::nullopt;
  const std::string_view line = as_text(*content);
  const auto pid = number_in<std::uint64_t>(value_of(line, "pid="));
  const auto wall_us = number_in<std::int64_t>(value_of(line, "wall_us="));
  if (!pid || !wall_us || *wall_us < 0 || *wall_us >= kYear10000Us) return std::nullopt;
  return LockText{*pid, std::string(value_of(line, "boot=")), *wall_us};
}

}  // namespace

std::string read_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

Volume::Volume(base::FileSystem& files, base::Clock& clock, base::Random& random,
               std::string boot_id)
    : files_(files), clock_(clock), boot_id_(std::move(boot_id)), random_(random) {}

Result<std::unique_ptr<Volume>> Volume::open(base::FileSystem& files, base::Clock& clock,
                                             base::Random& random, std::string boot_id) {
  std::unique_ptr<Volume> volume(new Volume(files, clock, random, std::move(boot_id)));
  LT_ASSIGN(const bool is_known, is_volume(files));
  if (is_known) {
    // Read before anything is written: a newer version's folder stays as it is.
    auto manifest = read_volume_manifest(files);
    if (!manifest) return std::unexpected(std::move(manifest).error().in(shown(files)));
  }
  LT_TRY(volume->take_lock());
  auto counted = volume->count_start();
  if (!counted) return std::unexpected(std::move(counted).error().in(shown(files)));
  auto made = volume->make_folders();
  if (!made) return std::unexpected(std::move(made).error().in(shown(files)));
  LT_TRY(volume->load_recordings());
  LT_TRY(volume->beat());
  return volume;
}

Result<void> Volume::take_lock() {
  auto lock = files_.lock(kLockPath);
  const auto text = read_lock_text(files_);
  if (!lock) {
    if (lock.error().code() != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(lock).error().in(shown(files_)));
    }
    const std::string holder = text ? fmt::format(" (process {})", text->pid) : "";
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} is in use by another longtake{}; stop that one, or give this one "
                            "a data folder of its own",
                            shown(files_), holder));
  }
  lock_ = std::move(*lock);
  if (text) last_alive_ = LastAlive{text->boot_id, WallTime(microseconds(text->wall_us))};
  auto file = files_.open(kLockPath, base::OpenMode::kReadWrite);
  if (!file) return std::unexpected(std::move(file).error().in(shown(files_)));
  lock_file_ = std::move(*file);
  return {};
}

Result<void> Volume::count_start() {
  LT_ASSIGN(const base::SpaceStatus space, files_.space());
  file_system_id_ = space.file_system_id;

  const base::MutexLock writing(writing_);
  auto manifest = read_volume_manifest(files_);
  if (manifest) {
    manifest_ = std::move(*manifest);
  } else if (manifest.error().code() == ErrorCode::kNotFound) {
    manifest_.identity = random_.hex(16) + random_.hex(16);
    manifest_.created = now_in_manifests(clock_);
  } else {
    return std::unexpected(std::move(manifest).error());
  }
  // invariant A2: counted durably before the first run of this life can be named.
  LT_TRY(write_counters(manifest_.starts + 1, manifest_.settled));
  base::kill_point("volume.counted");
  start_ = manifest_.starts;
  identity_ = manifest_.identity;
  const base::MutexLock lock(mutex_);
  settled_ = manifest_.settled;
  run_start_ = start_;
  return {};
}

Result<void> Volume::write_counters(std::uint64_t starts, std::uint64_t settled) {
  VolumeManifest next = manifest_;
  next.starts = starts;
  next.settled = settled;
  LT_TRY(write_volume_manifest(files_, next));
  manifest_ = std::move(next);
  return {};
}

Result<void> Volume::make_folders() {
  for (const char* folder : {kRecordingsFolder, kLedgerFolder, kTrashFolder, kQuarantineFolder}) {
    LT_TRY(files_.make_directory(folder));
  }
  LT_TRY(files_.sync_directory(""));
  base::kill_point("volume.folders_made");
  return {};
}

Result<void> Volume::load_recordings() {
  LT_ASSIGN(std::vector<RecordingFolder> folders, list_recordings(files_));
  const base::MutexLock lock(mutex_);
  for (RecordingFolder& folder : folders) {
    // Two folders of one name: somebody copied one here. The one made first goes on.
    const auto [at, is_new] = recordings_.try_emplace(folder.name, folder);
    if (!is_new && folder.created < at->second.created) at->second = std::move(folder);
  }
  return {};
}

std::uint64_t Volume::settled() const {
  const base::MutexLock lock(mutex_);
  return settled_;
}

Result<void> Volume::mark_settled(std::uint64_t up_to) {
  const base::MutexLock writing(writing_);
  LT_TRY(write_counters(manifest_.starts, std::min(up_to, manifest_.starts)));
  const base::MutexLock lock(mutex_);
  settled_ = manifest_.settled;
  return {};
}

Result<void> Volume::beat() {
  const std::string text = format_lock_text({static_cast<std::uint64_t>(::getpid()), boot_id_,
                                             clock_.wall_now().time_since_epoch().count()});
  const ByteSpan parts[] = {as_bytes(text)};
  return lock_file_->write_at(0, parts);
}

Result<void> Volume::check_identity() {
  const std::string root = files_.root();
  // By path, as SQLite would: our own file system object holds on to the folder it once opened.
  std::unique_ptr<base::FileSystem> reopened;
  if (!root.empty()) {
    LT_ASSIGN(reopened, base::open_file_system(root));
  }
  for (base::FileSystem* files : {reopened.get(), &files_}) {
    if (files == nullptr) continue;
    LT_ASSIGN(const base::SpaceStatus space, files->space());
    LT_ASSIGN(const VolumeManifest manifest, read_volume_manifest(*files));
    if (space.file_system_id != file_system_id_ || manifest.identity != identity_) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("{} is not the volume that was opened (identity {}); mount that one "
                              "again, or restart longtake to record into this one",
                              shown(files_), identity_));
    }
  }
  return {};
}

media::RunId Volume::next_run() {
  const base::MutexLock lock(mutex_);
  if (runs_begun_ + 1 >= kRunsPerStart && next_start_ != 0) {
    run_start_ = std::exchange(next_start_, 0);
    runs_begun_ = 0;
  }
  ++runs_begun_;
  // 8 million runs were begun since renew_runs was first due: it failed for days, and so did everything else here.
  LT_CHECK(runs_begun_ < kRunsPerStart);
  return media::RunId{run_start_ << 24U | runs_begun_};
}

Result<void> Volume::renew_runs() {
  {
    const base::MutexLock lock(mutex_);
    if (next_start_ != 0 || runs_begun_ < kRunsPerStart / 2) return {};
  }
  const base::MutexLock writing(writing_);
  LT_TRY(write_counters(manifest_.starts + 1, manifest_.settled));
  const base::MutexLock lock(mutex_);
  next_start_ = manifest_.starts;
  return {};
}

std::optional<RecordingFolder> Volume::find(const std::string& name) const {
  const base::MutexLock lock(mutex_);
  const auto found = recordings_.find(name);
  if (found == recordings_.end()) return std::nullopt;
  return found->second;
}

std::vector<RecordingFolder> Volume::recordings() const {
  const base::MutexLock lock(mutex_);
  std::vector<RecordingFolder> folders;
  folders.reserve(recordings_.size());
  for (const auto& [name, folder] : recordings_) folders.push_back(folder);
  return folders;
}

Result<Volume::Found> Volume::find_or_create(const std::string& name,
                                             const RecordingPolicy& policy) {
  const base::MutexLock writing(writing_);
  if (auto known = find(name)) {
    if (known->has_manifest) return Found{std::move(*known), false};
    // Its manifest was lost; the folder's name kept the recording together.
    known->created = now_in_manifests(clock_);
    LT_TRY(
        write_recording_manifest(files_, known->path, {name, known->id, known->created, policy}));
    known->has_manifest = true;
    known->policy = policy;
    const base::MutexLock lock(mutex_);
    recordings_[name] = *known;
    return Found{std::move(*known), false};
  }
  LT_ASSIGN(RecordingFolder folder, create_recording(name, policy));
  const base::MutexLock lock(mutex_);
  recordings_.emplace(name, folder);
  return Found{std::move(folder), true};
}

Result<void> Volume::remember_policy(const std::string& name, const RecordingPolicy& policy) {
  const base::MutexLock writing(writing_);
  auto known = find(name);
  if (!known) return fail(ErrorCode::kNotFound, "there is no recording \"" + name + "\"");
  if (known->policy == policy) return {};
  LT_TRY(write_recording_manifest(files_, known->path, {name, known->id, known->created, policy}));
  const base::MutexLock lock(mutex_);
  recordings_[name].policy = policy;
  return {};
}

Result<RecordingFolder> Volume::create_recording(const std::string& name,
                                                 const RecordingPolicy& policy) {
  RecordingFolder folder;
  folder.name = name;
  folder.id = media::RecordingId{random_.next()};
  folder.path = recording_folder_path(name, folder.id);
  folder.created = now_in_manifests(clock_);
  LT_TRY(base::make_directories(files_, folder.path));
  base::kill_point("recording.folder_made");
  folder.policy = policy;
  LT_TRY(write_recording_manifest(files_, folder.path, {name, folder.id, folder.created, policy}));
  base::kill_point("recording.created");
  return folder;
}

}  // namespace longtake::archive
