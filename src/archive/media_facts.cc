#include "archive/media_facts.h"

#include <optional>

#include "archive/volume.h"
#include "isobmff/reader.h"

namespace longtake::archive {
namespace {

/// The fact of one file; nothing where it holds no footage that can be read.
std::optional<store::Fact> fact_of(base::FileSystem& files, const RecordingFolder& recording,
                                   const SegmentPath& path, std::uint64_t settled) {
  const auto file = files.open(path.path, base::OpenMode::kRead);
  if (!file) return std::nullopt;
  const auto size = (*file)->size();
  const auto read = isobmff::read_index(**file, isobmff::Check::kRecords);
  if (!size || !read) return std::nullopt;
  const media::FragmentIndex& index = read->index;
  std::vector<TimeRange> spans = index.spans();
  if (spans.empty() || index.recording != recording.id || index.segment != path.id)
    return std::nullopt;
  const bool has_summary = read->source == isobmff::IndexSource::kSummary;
  if (!has_summary && start_of(path.id.run) > settled) {
    return store::SegmentOpened{recording.id, path.id, path.day, spans.front().start};
  }
  return store::SegmentClosed{recording.id, path.id,          path.day,
                              *size,        std::move(spans), !has_summary};
}

}  // namespace

Result<void> tell_media_facts(base::FileSystem& files, const store::FactTaker& take,
                              const SegmentFilter& filter) {
  const auto stopped = [] { return fail(ErrorCode::kCancelled, "told to stop"); };
  const auto manifest = read_volume_manifest(files);
  // Without one nobody can say what was recovered; what is whole up to its end counts.
  const std::uint64_t settled = manifest ? manifest->settled : UINT64_MAX;
  LT_ASSIGN(const std::vector<RecordingFolder> recordings, list_recordings(files));
  for (const RecordingFolder& recording : recordings) {
    if (!take(store::RecordingCreated{recording.id, recording.name, recording.created}))
      return stopped();
    LT_TRY(
        for_each_segment_file(files, recording, "", [&](const SegmentPath& path) -> Result<void> {
          if (filter && !filter(recording, path)) return {};
          const auto fact = fact_of(files, recording, path, settled);
          if (fact && !take(*fact)) return stopped();
          return {};
        }));
  }
  return {};
}

}  // namespace longtake::archive
