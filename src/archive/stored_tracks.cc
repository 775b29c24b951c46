#include "archive/stored_tracks.h"

#include <algorithm>
#include <utility>

#include "isobmff/init.h"

namespace longtake::archive {
namespace {

constexpr std::size_t kPage = 4096;
/// Segments that end at the same moment: one, and rarely one that was redated onto it.
constexpr std::size_t kCandidates = 16;

Result<Bytes> read_head(base::File& file, std::size_t bytes) {
  Bytes head(bytes);
  LT_ASSIGN(const std::size_t got, file.read_at(0, head));
  head.resize(got);
  return head;
}

}  // namespace

std::vector<media::TrackConfigPtr> StoredTracks::of(store::CatalogReader& catalog,
                                                    const RecordingFolder& recording,
                                                    WallTime last) {
  {
    const base::MutexLock lock(mutex_);
    const auto known = known_.find(recording.id);
    if (known != known_.end() && known->second.last == last) return known->second.tracks;
  }
  auto tracks = read(catalog, recording, last);
  if (!tracks) return {};
  const base::MutexLock lock(mutex_);
  known_[recording.id] = {last, *tracks};
  return *std::move(tracks);
}

Result<std::vector<media::TrackConfigPtr>> StoredTracks::read(store::CatalogReader& catalog,
                                                              const RecordingFolder& recording,
                                                              WallTime last) {
  LT_ASSIGN(const std::vector<store::SegmentRow> rows,
            catalog.segments(recording.id, {last - microseconds(1), last}, kCandidates));
  const auto newest = std::ranges::find_if(rows.rbegin(), rows.rend(), [](const auto& row) {
    return row.state == store::SegmentState::kClosed;
  });
  if (newest == rows.rend()) return fail(ErrorCode::kNotFound, "no closed segment ends there");
  const std::string path = segment_path(recording.path, newest->day, newest->id);
  LT_ASSIGN(const std::unique_ptr<base::File> file, files_.open(path, base::OpenMode::kRead));
  LT_ASSIGN(Bytes head, read_head(*file, kPage));
  LT_ASSIGN(const std::uint64_t size, isobmff::init_size(head));
  if (size > head.size()) {
    LT_ASSIGN(head, read_head(*file, static_cast<std::size_t>(size)));
  }
  LT_ASSIGN(isobmff::Init init, isobmff::parse_init(head));
  return std::move(init.tracks);
}

}  // namespace longtake::archive
