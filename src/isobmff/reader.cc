#include "isobmff/reader.h"

#include "isobmff/closing.h"
#include "isobmff/init.h"
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

Result<ReadIndex> read_index(base::File& file, Check check) {
  LT_ASSIGN(auto summary, read_closing(file));
  if (summary) {
    Bytes start(static_cast<std::size_t>(summary->index.init_bytes));
    LT_ASSIGN(const std::size_t read, file.read_at(0, start));
    start.resize(read);
    LT_ASSIGN(Init init, parse_init(start));
    if (init.bytes == summary->index.init_bytes) {
      summary->index.tracks = std::move(init.tracks);
      return ReadIndex{std::move(summary->index), IndexSource::kSummary};
    }
  }
  LT_ASSIGN(Walk walked, walk(file, check));
  return ReadIndex{std::move(walked.index), IndexSource::kRecords};
}

}  // namespace longtake::isobmff
