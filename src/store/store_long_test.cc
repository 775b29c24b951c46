#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/memory_file_system.h"
#include "base/test_folder.h"
#include "media/coverage.h"
#include "store/catalog_rebuild.h"
#include "store/store.h"
#include "store/test_support.h"

// A catalog as large as it gets: printed figures, no timed assertions (DESIGN §14).
namespace longtake::store {
namespace {

using namespace test;  // NOLINT: the tests' own words
using Steady = std::chrono::steady_clock;

/// A year of cameras. `./test`: 5 of segments of a minute, 2.6 million of them. `./test --all`: 200 of segments of five
/// minutes, 21 million. Spans and gaps are as many a camera in both.
struct Size {
  std::uint32_t recordings = 5;
  std::int64_t segment_s = 60;
};
Size size_to_test() {
  return std::getenv("LONGTAKE_TEST_LONG") == nullptr ? Size{} : Size{200, 300};
}

constexpr std::int64_t kYear = std::int64_t{365} * 86'400;

double milliseconds_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

media::RecordingId recording_id(std::uint32_t number) {
  return {(number + 1) * 0x9E3779B97F4A7C15ULL};
}

/// A gap of 2 s, with its reason, and a new run every hour.
Result<void> tell_a_year(const Size& size, const FactTaker& take) {
  const auto in_an_hour = static_cast<std::uint32_t>(3600 / size.segment_s);
  for (std::uint32_t i = 0; i < kYear / size.segment_s; ++i) {
    const std::int64_t start = size.segment_s * i;
    const bool ends_a_run = (i + 1) % in_an_hour == 0;
    const std::int64_t end = start + size.segment_s - (ends_a_run ? 2 : 0);
    const auto id = segment_id((5ULL << 24U) + i / in_an_hour, i % in_an_hour + 1);
    for (std::uint32_t number = 0; number < size.recordings; ++number) {
      const media::RecordingId recording = recording_id(number);
      if (i == 0 && !take(Armed{recording, at(0)})) return {};
      if (!take(closed(recording, id, {range(start, end)}))) return {};
      if (ends_a_run &&
          !take(GapNoted{recording, range(end, end + 2), media::Reason::kCameraDisconnected, ""}))
        return {};
    }
  }
  return {};
}

TEST(StoreLong, Cat09_AYearOfCamerasIsRebuiltOpenedAndAskedAbout) {
  const Size size = size_to_test();
  const auto segment_count = static_cast<std::uint64_t>(kYear / size.segment_s);
  base::TestFolder folder;
  const std::string path = folder.path() + "/catalog.db";
  base::MemoryFileSystem files;
  const auto rebuild_start = Steady::now();
  const auto progress = value_of(rebuild_catalog(
      files, path,
      {.media_facts = [&](const FactTaker& take) { return tell_a_year(size, take); }}));
  const double rebuild_ms = milliseconds_since(rebuild_start);
  EXPECT_GT(progress.media_facts, segment_count * size.recordings);

  base::ManualClock clock;
  base::Metrics metrics;
  Store::Options options;
  options.catalog_path = path;
  const auto start = Steady::now();
  auto store = value_of(Store::start(options, files, clock, base::null_logger(), metrics));
  value_of(store->wait_until_ready(std::chrono::seconds(600)));
  const double start_ms = milliseconds_since(start);
  const auto reader = value_of(store->open_reader());
  const auto rows = value_of(reader->recordings());
  ASSERT_EQ(rows.size(), size.recordings);
  EXPECT_EQ(rows.front().segment_count, segment_count);

  std::vector<double> timeline_ms;
  std::vector<double> segments_ms;
  for (std::int64_t day = 0; day < kYear; day += 86'400) {
    for (const RecordingRow& row : rows) {
      const TimeRange within = range(day, day + 86'400);
      const auto asked = Steady::now();
      const Coverage coverage = value_of(reader->coverage(row.id, within));
      timeline_ms.push_back(milliseconds_since(asked));
      EXPECT_EQ(coverage.recorded.ranges().size(), 24U);
      EXPECT_EQ(coverage.reasons.size(), 24U);
      const auto listed = Steady::now();
      EXPECT_FALSE(value_of(reader->segments(row.id, within, 2000)).empty());
      segments_ms.push_back(milliseconds_since(listed));
    }
  }
  std::ranges::sort(timeline_ms);
  std::ranges::sort(segments_ms);
  const auto p99 = [](const std::vector<double>& sorted) {
    return sorted[sorted.size() * 99 / 100];
  };
  const auto total = static_cast<double>(segment_count * size.recordings);
  std::printf(
      "a year of %u cameras, %.1f million segments: rebuilt in %.0f ms (%.0f/s), ready %.0f ms "
      "after the start\n",
      size.recordings, total / 1e6, rebuild_ms, 1e3 * total / rebuild_ms, start_ms);
  std::printf("%.0f bytes a segment\n",
              static_cast<double>(std::filesystem::file_size(path)) / total);
  std::printf("a day's timeline: p99 %.2f ms; a day's segment list: p99 %.2f ms\n",
              p99(timeline_ms), p99(segments_ms));
}

}  // namespace
}  // namespace longtake::store
