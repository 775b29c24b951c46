#include "isobmff/reader.h"

#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "isobmff/closing.h"
#include "isobmff/init.h"
#include "isobmff/record.h"
#include "isobmff/record_walker.h"
#include "isobmff/span_file.h"

namespace longtake::isobmff {

std::string_view to_string(Stop stop) {
  switch (stop) {
    case Stop::kEnd:
      return "end";
    case Stop::kClosing:
      return "closing";
    case Stop::kZeros:
      return "zeros";
    case Stop::kTornHead:
      return "torn_head";
    case Stop::kTornPayload:
      return "torn_payload";
    case Stop::kBadRecord:
      return "bad_record";
    case Stop::kBadPayload:
      return "bad_payload";
    case Stop::kBrokenChain:
      return "broken_chain";
    case Stop::kForeignBox:
      return "foreign_box";
  }
  return "unnamed";
}

Result<Walk> walk(base::File& file, Check check) {
  LT_ASSIGN(RecordWalker walker, RecordWalker::open(file, check));
  for (;;) {
    LT_ASSIGN(const auto record, walker.next());
    if (!record) return std::move(walker).finish();
  }
}

Result<Walk> walk(ByteSpan file, Check check) {
  SpanFile in_memory(file);
  return walk(in_memory, check);
}

namespace {

/// The tracks, where the init segment is the one that the first record and the summary were written
/// behind.
Result<std::optional<std::vector<media::TrackConfigPtr>>> read_tracks(
    base::File& file, const media::FragmentIndex& index) {
  using Tracks = std::optional<std::vector<media::TrackConfigPtr>>;
  if (index.fragments.empty()) return Tracks();
  Bytes start(static_cast<std::size_t>(index.init_bytes) + kMaxRecordBytes);
  LT_ASSIGN(const std::size_t read, file.read_at(0, start));
  if (read < index.init_bytes) return Tracks();
  const auto [init_bytes, rest] =
      std::pair(ByteSpan(start).first(static_cast<std::size_t>(index.init_bytes)),
                ByteSpan(start).first(read).subspan(static_cast<std::size_t>(index.init_bytes)));
  auto init = parse_init(init_bytes);
  const auto record = read_record(rest, index.init_bytes);
  if (!init || !record || record->previous_crc != base::crc32c(init_bytes) ||
      record->recording != index.recording || record->segment != index.segment ||
      record->entry != index.fragments.front()) {
    return Tracks();
  }
  return Tracks(std::move(init->tracks));
}

}  // namespace

Result<ReadIndex> read_index(base::File& file, Check check) {
  LT_ASSIGN(auto summary, read_closing(file));
  if (summary) {
    LT_ASSIGN(auto tracks, read_tracks(file, summary->index));
    if (tracks) {
      summary->index.tracks = std::move(*tracks);
      return ReadIndex{std::move(summary->index), IndexSource::kSummary};
    }
  }
  LT_ASSIGN(Walk walked, walk(file, check));
  return ReadIndex{std::move(walked.index), IndexSource::kRecords};
}

}  // namespace longtake::isobmff
