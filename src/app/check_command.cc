#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/commands.h"
#include "archive/check.h"
#include "archive/rebuild.h"
#include "base/clock.h"
#include "base/file_system.h"

namespace longtake::app {
namespace {

constexpr nanoseconds kProgressInterval = std::chrono::milliseconds(500);

/// A line on the terminal that is written over; nothing where the output goes into a file.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (was_shown_) fmt::print(stderr, "\r\033[K");
  }
  void show(const std::string& text) {
    if (!is_terminal_ || clock_.now() < next_) return;
    next_ = clock_.now() + kProgressInterval;
    was_shown_ = true;
    fmt::print(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  const base::SystemClock clock_;
  MonotonicTime next_;
  bool was_shown_ = false;
};

/// A folder that goes with its owner.
class ScratchFolder {
 public:
  static Result<ScratchFolder> make() {
    std::string name = (std::filesystem::temp_directory_path() / "longtake-check-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      return fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("cannot make a scratch folder in {}; set TMPDIR to a folder with room",
                      name));
    }
    return ScratchFolder(std::move(name));
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;  // leftovers in a temporary folder harm nobody
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string catalog_of(const std::string& folder) {
  return (std::filesystem::path(folder) / "catalog.db").string();
}

Result<archive::CheckReport> run_check(const std::string& folder, bool is_quick) {
  LT_ASSIGN(const auto files, base::open_file_system(folder));
  LT_ASSIGN(const ScratchFolder scratch, ScratchFolder::make());
  ProgressLine line;
  return archive::check(
      *files, {.depth = is_quick ? archive::CheckDepth::kQuick : archive::CheckDepth::kFull,
               .catalog_path = catalog_of(folder),
               .scratch_folder = scratch.path(),
               .progress = [&](const archive::CheckReport& so_far) {
                 line.show(fmt::format("{} segments, {:.1f} GB", so_far.segments,
                                       static_cast<double>(so_far.media_bytes) / 1e9));
               }});
}

Result<archive::RebuildReport> run_rebuild(const std::string& folder) {
  LT_ASSIGN(const auto files, base::open_file_system(folder));
  ProgressLine line;
  return archive::rebuild(*files, catalog_of(folder), [&](const archive::RebuildReport& so_far) {
    line.show(
        fmt::format("{} ledger records, {} segments", so_far.ledger_facts, so_far.media_facts));
  });
}

}  // namespace

int check_folder(const std::string& folder, bool is_quick) {
  const auto report = run_check(folder, is_quick);
  if (!report) return app::report(report.error());
  for (const archive::CheckFinding& finding : report->findings) {
    fmt::print("{}: {}: {}; {}\n", to_string(finding.severity), finding.path, finding.what,
               finding.what_to_do);
  }
  fmt::print("{}: {} closed and {} open segments, {:.1f} MB of media {}, {} ledger records{}\n",
             report->is_well() ? "well" : "NOT well", report->segments, report->open_segments,
             static_cast<double>(report->media_bytes) / 1e6,
             is_quick ? "looked at by summary" : "read and verified", report->ledger_records,
             report->is_server_running ? ", beside a running server" : "");
  return report->is_well() ? kExitWell : kExitFindings;
}

int rebuild_folder(const std::string& folder) {
  const auto report = run_rebuild(folder);
  if (!report) return app::report(report.error());
  fmt::print("the catalog is made anew from {} ledger records and {} media facts\n",
             report->ledger_facts, report->media_facts);
  return kExitWell;
}

}  // namespace longtake::app
