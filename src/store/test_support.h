#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "store/catalog_dump.h"
#include "store/fact.h"
#include "store/ledger_reader.h"

/// What the store's tests share.
namespace longtake::store::test {

using std::chrono::seconds;

inline constexpr media::RecordingId kFront{0x0011223344556677};
inline constexpr media::RecordingId kBack{0xF011223344556677};  // "negative" for SQLite

inline WallTime at(std::int64_t second) { return WallTime(seconds(second)); }
inline TimeRange range(std::int64_t start, std::int64_t end) { return {at(start), at(end)}; }
inline media::SegmentId segment_id(std::uint64_t run, std::uint32_t sequence) {
  return {{run}, sequence};
}

inline SegmentClosed closed(media::RecordingId recording, media::SegmentId id,
                            std::vector<TimeRange> spans) {
  return {recording, id, "20260131", 1000, std::move(spans), false};
}

/// Fails the test with the error's words.
template <class T>
T value_of(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline std::vector<std::string> dump_lines(const std::string& path) {
  std::vector<std::string> lines;
  value_of(dump_catalog(path, [&](std::string_view line) { lines.emplace_back(line); }));
  return lines;
}

/// Every record of a ledger, in order.
inline std::vector<LedgerRecord> read_ledger(base::FileSystem& files, std::uint64_t from = 1) {
  std::vector<LedgerRecord> records;
  const auto reader = value_of(LedgerReader::open(files, "ledger", from));
  while (auto record = value_of(reader->next())) records.push_back(*std::move(record));
  return records;
}

}  // namespace longtake::store::test
