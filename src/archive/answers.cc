#include "archive/answers.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "archive/timeline_query.h"
#include "isobmff/reader.h"

namespace longtake::archive {
namespace {

constexpr int kAttempts = 10;

LiveRecordingPtr live_of(const KnownRecording& recording) {
  const auto writer = recording.writer();
  if (writer == nullptr) return std::make_shared<const LiveRecording>();
  LiveRecordingPtr live = writer->live().load();
  return redate(std::move(live), recording.facts.redates());
}

std::uint64_t version_of(const KnownRecording& recording) {
  const auto writer = recording.writer();
  return recording.facts.version() + (writer != nullptr ? writer->version() : 0);
}

}  // namespace

Answers::Asked Answers::ask_live(std::shared_ptr<KnownRecording> recording) const {
  RecordingStatus status;
  status.id = recording->folder().id;
  status.name = recording->folder().name;
  status.state = recording->state();
  const std::shared_ptr<RecordingWriter> writer = recording->writer();
  if (writer != nullptr) {
    if (const RunInfoPtr run = writer->last_run()) status.tracks = run->tracks;
  }
  if (status.state == RecordingState::kRecording && !environment_.health.is_healthy()) {
    status.state = RecordingState::kWaiting;  // for the disk
  }
  LiveRecordingPtr live = live_of(*recording);
  return {std::move(recording), std::move(status), std::move(live)};
}

Result<void> Answers::add_catalog(store::CatalogReader& catalog, const store::RecordingRow* row,
                                  Asked& asked) {
  if (row != nullptr) add_stored(*row, asked.status);
  LT_TRY(add_live(catalog, *asked.live, asked.status));
  if (asked.status.tracks.empty() && row != nullptr && row->last) {
    asked.status.tracks = tracks_.of(catalog, asked.recording->folder(), *row->last);
  }
  return {};
}

Result<RecordingStatus> Answers::recording(const std::string& name) {
  LT_ASSIGN(const std::shared_ptr<KnownRecording> recording, environment_.roster.require(name));
  Asked asked = ask_live(recording);
  if (environment_.store.is_ready()) {
    LT_ASSIGN(ReaderPool::Lease reader, environment_.readers.take());
    LT_ASSIGN(const std::optional<store::RecordingRow> row,
              reader->recording(recording->folder().id));
    LT_TRY(add_catalog(*reader, row ? &*row : nullptr, asked));
  }
  return std::move(asked.status);
}

Result<std::vector<RecordingStatus>> Answers::recordings() {
  std::vector<Asked> all;
  for (const RecordingFolder& folder : environment_.volume.recordings()) {
    all.push_back(ask_live(environment_.roster.entry_of(folder)));
  }
  if (environment_.store.is_ready()) {
    // Of all at once: people poll this.
    LT_ASSIGN(ReaderPool::Lease reader, environment_.readers.take());
    std::map<media::RecordingId, store::RecordingRow> rows;
    LT_ASSIGN(std::vector<store::RecordingRow> listed, reader->recordings());
    for (store::RecordingRow& row : listed) rows.emplace(row.id, std::move(row));
    for (Asked& asked : all) {
      const auto row = rows.find(asked.status.id);
      LT_TRY(add_catalog(*reader, row != rows.end() ? &row->second : nullptr, asked));
    }
  }
  std::vector<RecordingStatus> statuses;
  statuses.reserve(all.size());
  for (Asked& asked : all) statuses.push_back(std::move(asked.status));
  return statuses;
}

Result<media::TimelineAnswer> Answers::timeline(const std::string& name, TimeRange within) {
  LT_ASSIGN(const std::shared_ptr<KnownRecording> recording, environment_.roster.require(name));
  LT_ASSIGN(ReaderPool::Lease reader, environment_.readers.take());
  // Four places know a part of the answer. What moves from one to the next while they are asked could be seen in neither,
  // so they are asked again; a recording changes a few times a second, and the questions take less than that.
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t before = version_of(*recording);
    auto answer = ask_timeline(*reader, *recording, within);
    if (!answer || attempt == kAttempts || version_of(*recording) == before) return answer;
  }
}

Result<media::TimelineAnswer> Answers::ask_timeline(store::CatalogReader& reader,
                                                    const KnownRecording& recording,
                                                    TimeRange within) {
  const std::shared_ptr<RecordingWriter> writer = recording.writer();
  const LiveRecordingPtr live = live_of(recording);
  const std::optional<WallTime> undecided_from =
      writer != nullptr ? writer->undecided_from() : std::nullopt;
  const RecordingFacts::Recent recent = recording.facts.recent();
  // The catalog last: what leaves the others is in it already (invariant A10).
  auto coverage = reader.coverage(recording.folder().id, within);
  if (!coverage) return std::unexpected(std::move(coverage).error());
  add_recent(recent, *coverage);
  const auto row = reader.recording(recording.folder().id);
  if (!row) return std::unexpected(row.error());
  const std::optional<WallTime> last = *row ? (*row)->last : std::nullopt;
  return make_timeline(std::move(*coverage), *live, within, last, undecided_from,
                       environment_.clock.wall_now());
}

Result<std::vector<SegmentInfo>> Answers::segments(const std::string& name, TimeRange within,
                                                   std::size_t limit) {
  LT_ASSIGN(const std::shared_ptr<KnownRecording> recording, environment_.roster.require(name));
  const LiveRecordingPtr live = live_of(*recording);
  LT_ASSIGN(ReaderPool::Lease reader, environment_.readers.take());
  auto rows = reader->segments(recording->folder().id, within, limit);
  if (!rows) return std::unexpected(std::move(rows).error());
  return merge_segments(*rows, *live, within, limit);
}

Result<SegmentFile> Answers::open_segment(const std::string& name, media::SegmentId id) {
  LT_ASSIGN(const std::shared_ptr<KnownRecording> recording, environment_.roster.require(name));
  const LiveRecordingPtr live = live_of(*recording);
  if (const LiveSegment* segment = find_live(*live, id)) {
    LT_ASSIGN(auto file, environment_.files.open(segment->path, base::OpenMode::kRead));
    // A closed one has its summary behind the last fragment already.
    std::uint64_t size_bytes = segment->index->end_bytes();
    if (segment->is_closed) {
      LT_ASSIGN(size_bytes, file->size());
    }
    return SegmentFile{std::move(file), size_bytes, !segment->is_closed};
  }
  LT_ASSIGN(Stored stored, open_stored(*recording, id));
  return SegmentFile{std::move(stored.file), stored.row.size_bytes, false};
}

Result<SegmentIndexPtr> Answers::segment_index(const std::string& name, media::SegmentId id) {
  LT_ASSIGN(const std::shared_ptr<KnownRecording> recording, environment_.roster.require(name));
  const LiveRecordingPtr live = live_of(*recording);
  if (const LiveSegment* segment = find_live(*live, id)) return segment->index;
  LT_ASSIGN(const Stored stored, open_stored(*recording, id));
  auto read = isobmff::read_index(*stored.file, isobmff::Check::kRecords);
  if (!read) return std::unexpected(std::move(read).error().in(media::to_string(id)));
  auto index = std::make_shared<media::FragmentIndex>(std::move(read->index));
  // The file says the times it was written with, its row those that hold: a run under a wrong clock is redated there.
  const auto spans = index->spans();
  if (!spans.empty() && stored.row.range.start != spans.front().start) {
    const microseconds by = stored.row.range.start - spans.front().start;
    for (media::FragmentEntry& fragment : index->fragments) fragment.wall_start += by;
  }
  return index;
}

Result<Answers::Stored> Answers::open_stored(const KnownRecording& recording, media::SegmentId id) {
  LT_ASSIGN(ReaderPool::Lease reader, environment_.readers.take());
  auto row = reader->segment(recording.folder().id, id);
  if (!row) return std::unexpected(std::move(row).error());
  if (!*row || (*row)->state == store::SegmentState::kDeleted) {
    return fail(ErrorCode::kNotFound, fmt::format("recording \"{}\" has no segment {}",
                                                  recording.folder().name, media::to_string(id)));
  }
  if ((*row)->state == store::SegmentState::kOpen) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("segment {} was left open and is being recovered; try again shortly",
                            media::to_string(id)));
  }
  const std::string path = segment_path(recording.folder().path, (*row)->day, id);
  LT_ASSIGN(auto file, environment_.files.open(path, base::OpenMode::kRead));
  return Stored{std::move(file), std::move(**row)};
}

}  // namespace longtake::archive
