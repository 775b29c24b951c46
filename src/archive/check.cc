#include "archive/check.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "archive/manifest.h"
#include "archive/media_facts.h"
#include "archive/media_scan.h"
#include "archive/rebuild.h"
#include "archive/volume.h"
#include "isobmff/reader.h"
#include "isobmff/verify.h"
#include "store/catalog.h"
#include "store/catalog_database.h"
#include "store/catalog_dump.h"
#include "store/catalog_rebuild.h"
#include "store/ledger_reader.h"

namespace longtake::archive {
namespace {

using store::SegmentRow;
using store::SegmentState;

constexpr std::size_t kPage = 1000;
constexpr std::size_t kDifferences = 20;
/// A running server may apply facts while two catalogs are compared; then it is done again.
constexpr int kComparisons = 5;
constexpr const char* kRebuildHint =
    "stop the server and run `longtake rebuild`; the catalog is only a view";

/// Made by a deletion, and gone with the file: a rebuild makes it only while the file is there.
/// "segment|RECORDING|ID|DAY|START|END|BYTES|STATE|...".
bool is_tombstone(const store::CatalogDifference& difference) {
  constexpr int kStateColumn = 7;
  std::string_view rest = difference.line;
  if (!difference.is_in_first || !rest.starts_with("segment|")) return false;
  for (int column = 0; column < kStateColumn; ++column) {
    const std::size_t bar = rest.find('|');
    if (bar == std::string_view::npos) return false;
    rest.remove_prefix(bar + 1);
  }
  return rest.starts_with(fmt::format("{}|", static_cast<int>(SegmentState::kDeleted)));
}

class Checker {
 public:
  Checker(base::FileSystem& files, const CheckOptions& options)
      : files_(files), options_(options) {}

  Result<CheckReport> run() {
    const auto manifest = read_volume_manifest(files_);
    if (!manifest) {
      return fail(ErrorCode::kFailedPrecondition,
                  "not a data folder of longtake: " + manifest.error().message());
    }
    settled_ = manifest->settled;
    report_.is_server_running = is_locked();
    check_ledger();
    open_catalog();
    std::vector<std::string> strangers;
    LT_ASSIGN(const auto recordings, list_recordings(files_, &strangers));
    for (const RecordingFolder& recording : recordings) check_recording(recording, strangers);
    check_rows_of_strangers(recordings);
    for (const std::string& path : strangers) {
      find(Severity::kWarning, path, "this is no segment of ours",
           "move it out of the data folder");
    }
    list_kept();
    if (catalog_ != nullptr) compare_with_rebuilt();
    return std::move(report_);
  }

 private:
  using Rows = std::map<media::SegmentId, SegmentRow>;

  void find(Severity severity, std::string path, std::string what, std::string what_to_do) {
    auto& findings = report_.findings;
    if (findings.size() >= CheckReport::kMaxFindings) return;
    if (findings.size() + 1 == CheckReport::kMaxFindings) {
      findings.push_back(
          {Severity::kError, "", "there is more; only so much is kept", "mend these first"});
      return;
    }
    findings.push_back({severity, std::move(path), std::move(what), std::move(what_to_do)});
  }

  bool is_locked() {
    const auto lock = files_.lock(kVolumeLockPath);
    return !lock && lock.error().code() == ErrorCode::kFailedPrecondition;
  }

  void check_ledger() {
    const auto report = store::verify_ledger(files_, kLedgerFolder);
    if (!report) {
      find(Severity::kError, kLedgerFolder, report.error().message(),
           "see whether the disk is well");
      return;
    }
    report_.ledger_records = report->record_count;
    for (const store::LedgerFinding& finding : report->findings) {
      const std::string path = base::join_path(kLedgerFolder, finding.file);
      const std::string what = fmt::format("{} at byte {}: {}", store::to_string(finding.kind),
                                           finding.offset, finding.detail);
      if (finding.is_damage()) {
        find(Severity::kError, path, what,
             "keep a copy; what only it knew is gone, and shows as ledger_lost where no media "
             "explains it");
      } else {
        find(Severity::kInfo, path, what, "a crash leaves this; nothing is lost");
      }
    }
  }

  void open_catalog() {
    const std::string name = "catalog.db";
    if (!std::filesystem::exists(options_.catalog_path)) {
      find(Severity::kError, name, "there is no catalog",
           "the server builds one at its start, or run `longtake rebuild`");
      return;
    }
    if (const auto quick = store::quick_check_catalog(options_.catalog_path, {}); !quick) {
      find(Severity::kError, name, quick.error().message(), kRebuildHint);
      return;
    }
    auto reader = store::CatalogReader::open(options_.catalog_path);
    if (!reader) {
      find(Severity::kError, name, reader.error().message(), kRebuildHint);
      return;
    }
    catalog_ = std::move(*reader);
  }

  // ---- Files and rows of one recording ----

  Rows rows_of(media::RecordingId recording) {
    Rows rows;
    if (catalog_ == nullptr) return rows;
    WallTime from = WallTime::min();
    while (true) {
      const auto page = catalog_->segments(recording, {from, WallTime::max()}, kPage);
      if (!page) {
        find(Severity::kError, "catalog.db", page.error().message(), kRebuildHint);
        return rows;
      }
      bool is_new = false;
      for (const SegmentRow& row : *page) is_new |= rows.emplace(row.id, row).second;
      if (!is_new || page->size() < kPage) return rows;
      from = page->back().range.start;
    }
  }

  std::optional<SegmentRow> ask_again(media::RecordingId recording, media::SegmentId id) {
    if (catalog_ == nullptr) return std::nullopt;
    auto row = catalog_->segment(recording, id);
    return row ? std::move(*row) : std::nullopt;
  }

  void check_recording(const RecordingFolder& recording, std::vector<std::string>& strangers) {
    if (!recording.has_manifest) {
      find(Severity::kError, base::join_path(recording.path, kRecordingManifestName),
           "it is missing or unreadable",
           "the folder's name was used instead; start the server, which writes it anew");
    }
    Rows rows = rows_of(recording.id);
    const auto walked = for_each_segment_file(
        files_, recording, "",
        [&](const SegmentPath& path) -> Result<void> {
          check_file(recording, path, rows);
          if (options_.progress) options_.progress(report_);
          return {};
        },
        &strangers);
    if (!walked)
      find(Severity::kError, recording.path, walked.error().message(),
           "see whether the disk is well");
    for (const auto& [id, row] : rows) check_row_without_file(recording, row);
  }

  /// Takes the file's row out of `rows`.
  void check_file(const RecordingFolder& recording, const SegmentPath& path, Rows& rows) {
    auto node = rows.extract(path.id);
    std::optional<SegmentRow> row;
    if (!node.empty()) row = std::move(node.mapped());
    // Made or closed since the rows were read.
    if (!row || row->state == SegmentState::kOpen) row = ask_again(recording.id, path.id);
    if (catalog_ == nullptr) return check_closed_file(recording, path, nullptr);
    if (row && row->state == SegmentState::kClosed) {
      if (row->day != path.day) {
        find(Severity::kError, path.path, fmt::format("the catalog has it under {}", row->day),
             kRebuildHint);
      }
      return check_closed_file(recording, path, &*row);
    }
    if (row && row->state == SegmentState::kDeleted) {
      find(Severity::kInfo, path.path, "deleted by policy; its file is still there",
           "the server removes it by itself");
      return;
    }
    check_open_file(recording, path, row.has_value());
  }

  void check_closed_file(const RecordingFolder& recording, const SegmentPath& path,
                         const SegmentRow* row) {
    auto file = files_.open(path.path, base::OpenMode::kRead);
    const auto size = file ? (*file)->size() : Result<std::uint64_t>(0);
    if (!file || !size) {
      const auto again = ask_again(recording.id, path.id);
      const bool is_gone = !file && file.error().code() == ErrorCode::kNotFound;
      if (is_gone && (!again || again->state != SegmentState::kClosed))
        return;  // deleted meanwhile
      find(Severity::kError, path.path, !file ? file.error().message() : size.error().message(),
           "see whether the disk is well");
      return;
    }
    ++report_.segments;
    report_.media_bytes += *size;
    const auto contents =
        options_.depth == CheckDepth::kFull ? verify_all(**file, path) : verify_index(**file, path);
    if (!contents) return;
    const auto& [index, has_summary] = *contents;
    if (index.recording != recording.id || index.segment != path.id) {
      find(Severity::kError, path.path, "it holds another segment than its name says",
           "restore the right file from a backup, or move it away");
      return;
    }
    if (row != nullptr) compare_with_row(path, *size, index, has_summary, *row);
  }

  struct Contents {
    media::FragmentIndex index;
    bool has_summary = false;
  };

  std::optional<Contents> verify_all(base::File& file, const SegmentPath& path) {
    auto verdict = isobmff::verify(file);
    if (!verdict) {
      find(Severity::kError, path.path, verdict.error().message(), "see whether the disk is well");
      return std::nullopt;
    }
    for (const isobmff::Finding& finding : verdict->findings) {
      find(Severity::kError, path.path,
           fmt::format("at byte {}: {}", finding.offset_bytes, finding.what),
           "the media is damaged here; restore the file from a backup or another copy");
    }
    if (verdict->index.fragments.empty()) {
      if (verdict->findings.empty())
        find(Severity::kError, path.path, "it holds no fragment", kRebuildHint);
      return std::nullopt;
    }
    return Contents{std::move(verdict->index), verdict->is_closed};
  }

  std::optional<Contents> verify_index(base::File& file, const SegmentPath& path) {
    auto read = isobmff::read_index(file, isobmff::Check::kRecords);
    if (!read || read->index.fragments.empty()) {
      find(Severity::kError, path.path, read ? "it holds no fragment" : read.error().message(),
           "restore the file from a backup or another copy");
      return std::nullopt;
    }
    return Contents{std::move(read->index), read->source == isobmff::IndexSource::kSummary};
  }

  void compare_with_row(const SegmentPath& path, std::uint64_t size,
                        const media::FragmentIndex& index, bool has_summary,
                        const SegmentRow& row) {
    if (size != row.size_bytes) {
      find(Severity::kError, path.path,
           fmt::format("it has {} bytes, the catalog says {}", size, row.size_bytes),
           "it was changed by somebody else; restore it from a backup, or run `longtake rebuild` "
           "to accept it");
      return;
    }
    if (has_summary == row.is_recovered) {
      find(Severity::kError, path.path,
           has_summary ? "it was closed in order, the catalog says recovered"
                       : "it has no readable summary",
           "restore it from a backup, or run `longtake rebuild` to accept it");
    }
    // Rows tell effective times: a run whose clock was wrong is moved as a whole.
    std::vector<TimeRange> spans = index.spans();
    const microseconds moved = spans.empty() || row.spans.empty()
                                   ? microseconds(0)
                                   : row.spans.front().start - spans.front().start;
    for (TimeRange& span : spans) span = {span.start + moved, span.end + moved};
    if (spans != row.spans) {
      find(Severity::kError, path.path, "it covers other times than the catalog says",
           kRebuildHint);
    }
  }

  void check_open_file(const RecordingFolder& recording, const SegmentPath& path, bool has_row) {
    auto file = files_.open(path.path, base::OpenMode::kRead);
    if (!file) return;  // prepared ahead, and gone again
    const auto walk = isobmff::walk(**file, isobmff::Check::kRecords);
    const bool is_of_this_life = report_.is_server_running && start_of(path.id.run) > settled_;
    if (is_of_this_life) {
      ++report_.open_segments;
      // Its end may be torn at any moment: it is being written.
      const bool is_damaged = walk && walk->stop == isobmff::Stop::kBadRecord;
      if (is_damaged) {
        find(Severity::kError, path.path,
             fmt::format("at byte {}: {}", walk->stop_bytes, walk->detail),
             "recovery cuts it there at the next start");
      }
      return;
    }
    if (start_of(path.id.run) > settled_) {
      ++report_.open_segments;
      find(Severity::kInfo, path.path, "left open by a server that did not stop in order",
           "the next start recovers it");
      return;
    }
    const auto again = ask_again(recording.id, path.id);
    if (again && again->state != SegmentState::kOpen) return;  // closed or deleted meanwhile
    find(Severity::kError, path.path,
         has_row ? "the catalog has it open, although nobody writes it"
                 : "the catalog does not know this file",
         "run `longtake rebuild` to take it up, or move it out of the data folder");
  }

  void check_row_without_file(const RecordingFolder& recording, const SegmentRow& row) {
    if (row.state != SegmentState::kClosed) return;
    const std::string path = segment_path(recording.path, row.day, row.id);
    if (files_.status(path)) return;  // made since, or closed since
    const auto again = ask_again(recording.id, row.id);
    if (!again || again->state != SegmentState::kClosed) return;
    find(Severity::kError, path,
         fmt::format("the file is missing: {} to {}", longtake::to_string(row.range.start),
                     longtake::to_string(row.range.end)),
         "restore it from a backup; `longtake rebuild` shows its time as a gap");
  }

  void check_rows_of_strangers(const std::vector<RecordingFolder>& folders) {
    if (catalog_ == nullptr) return;
    const auto rows = catalog_->recordings();
    if (!rows) return;
    for (const store::RecordingRow& row : *rows) {
      if (std::ranges::find(folders, row.id, &RecordingFolder::id) != folders.end()) continue;
      if (row.segment_count == 0) continue;
      find(Severity::kError, recording_folder_path(row.name, row.id),
           fmt::format("the folder of recording \"{}\" is missing, with {} segments", row.name,
                       row.segment_count),
           "restore it from a backup, or run `longtake rebuild`");
    }
  }

  void list_kept() {
    for (const char* folder : {kQuarantineFolder, kTrashFolder}) {
      const auto entries = files_.list(folder);
      if (!entries) continue;
      for (const base::DirectoryEntry& entry : *entries) {
        find(Severity::kInfo, base::join_path(folder, entry.name), "kept aside by recovery",
             "look at it or delete it; after 7 days it goes when space is short");
      }
    }
  }

  // ---- The catalog as a function of media and ledger ----

  void compare_with_rebuilt() {
    std::string folder = base::join_path(options_.scratch_folder, "longtake-check-XXXXXX");
    if (::mkdtemp(folder.data()) == nullptr) {
      find(Severity::kWarning, "catalog.db",
           "no scratch folder could be made to build a second one in",
           "set TMPDIR to a folder with room");
      return;
    }
    std::optional<CheckFinding> trouble;
    std::vector<store::CatalogDifference> differences;
    bool is_steady = false;
    for (int i = 0; i < kComparisons && !is_steady && !trouble; ++i) {
      is_steady = compare_once(folder + "/catalog.db", differences, trouble);
    }
    std::error_code ignored;  // what stays behind is in the temporary folder
    std::filesystem::remove_all(folder, ignored);
    if (trouble) return find(trouble->severity, trouble->path, trouble->what, trouble->what_to_do);
    if (!is_steady) {
      return find(Severity::kInfo, "catalog.db",
                  "it changed each time while it was compared with a rebuilt one",
                  "run the check when less is going on, or without the server");
    }
    for (const store::CatalogDifference& difference : differences) {
      if (is_tombstone(difference)) {
        find(Severity::kInfo, "catalog.db",
             "a deleted segment's row outlived its file: " + difference.line,
             "the server removes it by itself");
        continue;
      }
      find(Severity::kError, "catalog.db",
           fmt::format("{}: {}",
                       difference.is_in_first ? "media and ledger do not tell" : "it leaves out",
                       difference.line),
           kRebuildHint);
    }
  }

  /// False: the server went on meanwhile, and what was found may come from that.
  bool compare_once(const std::string& scratch, std::vector<store::CatalogDifference>& differences,
                    std::optional<CheckFinding>& trouble) {
    const auto give_up = [&](const Error& error) {
      trouble = CheckFinding{Severity::kError, "catalog.db", error.message(), kRebuildHint};
      return false;
    };
    const auto before = catalog_->applied_sequence();
    if (!before) return give_up(before.error());
    store::RebuildOptions options;
    options.ledger_folder = kLedgerFolder;
    options.up_to_sequence = *before;
    options.media_facts = [&](const store::FactTaker& take) {
      return tell_media_facts(
          files_, [&](const store::Fact& fact) { return is_too_new(fact) || take(fact); },
          [&](const RecordingFolder& recording, const SegmentPath& path) {
            const auto row = ask_again(recording.id, path.id);
            return row && row->state != SegmentState::kOpen;
          });
    };
    if (const auto built = store::build_catalog(files_, scratch, options); !built)
      return give_up(built.error());
    auto found = store::compare_catalogs(options_.catalog_path, scratch, kDifferences);
    if (!found) return give_up(found.error());
    const auto after = catalog_->applied_sequence();
    if (!after) return give_up(after.error());
    differences = std::move(*found);
    return differences.empty() || *after == *before;
  }

  /// A recording that the ledger tells of later than we look.
  bool is_too_new(const store::Fact& fact) {
    const auto* created = std::get_if<store::RecordingCreated>(&fact);
    if (created == nullptr) return false;
    const auto row = catalog_->recording(created->recording);
    return row && !row->has_value();
  }

  base::FileSystem& files_;
  const CheckOptions& options_;
  CheckReport report_;
  std::uint64_t settled_ = 0;
  std::unique_ptr<store::CatalogReader> catalog_;
};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

bool CheckReport::is_well() const {
  return std::ranges::all_of(
      findings, [](const CheckFinding& finding) { return finding.severity == Severity::kInfo; });
}

Result<CheckReport> check(base::FileSystem& files, const CheckOptions& options) {
  return Checker(files, options).run();
}

}  // namespace longtake::archive
