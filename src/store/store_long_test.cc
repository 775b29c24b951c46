#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

constexpr std::uint32_t kRecordings = 5;
constexpr std::uint32_t kSegments = 200'000;  // each; of 60 s: 139 days
constexpr std::int64_t kYear = std::int64_t{60} * kSegments;

double milliseconds_since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

/// A gap of 2 s and a new run every hour.
Result<void> a_million_segments(const FactTaker& take) {
  for (std::uint32_t i = 0; i < kSegments; ++i) {
    for (std::uint32_t recording = 1; recording <= kRecordings; ++recording) {
      const std::int64_t start = std::int64_t{60} * i;
      const bool ends_a_run = i % 60 == 59;
      if (!take(closed({recording * 0x9E3779B97F4A7C15ULL},
                       segment_id((5ULL << 24U) + i / 60, i % 60 + 1),
                       {range(start, start + (ends_a_run ? 58 : 60))})))
        return {};
    }
  }
  return {};
}

TEST(StoreLong, Cat09_AMillionSegmentsAreRebuiltOpenedAndAskedAbout) {
  base::TestFolder folder;
  const std::string path = folder.path() + "/catalog.db";
  base::MemoryFileSystem files;
  const auto rebuild_start = Steady::now();
  const auto progress = value_of(rebuild_catalog(files, path, {.media_facts = a_million_segments}));
  const double rebuild_ms = milliseconds_since(rebuild_start);
  EXPECT_EQ(progress.media_facts, 1'000'000U);

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
  ASSERT_EQ(rows.size(), kRecordings);
  EXPECT_EQ(rows.front().segment_count, kSegments);

  std::vector<double> timeline_ms;
  std::vector<double> segments_ms;
  for (std::int64_t day = 0; day < kYear; day += 86'400) {
    for (const RecordingRow& row : rows) {
      const TimeRange within = range(day, std::min(day + 86'400, kYear));
      const auto asked = Steady::now();
      const Coverage coverage = value_of(reader->coverage(row.id, within));
      timeline_ms.push_back(milliseconds_since(asked));
      EXPECT_FALSE(coverage.recorded.ranges().empty());
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
  std::printf("1,000,000 segments: rebuilt in %.0f ms (%.0f/s), ready %.0f ms after the start\n",
              rebuild_ms, 1e9 / rebuild_ms, start_ms);
  std::printf("%.0f bytes a segment\n",
              static_cast<double>(std::filesystem::file_size(path)) / 1e6);
  std::printf("a day's timeline: p99 %.2f ms; a day's segment list: p99 %.2f ms\n",
              p99(timeline_ms), p99(segments_ms));
}

}  // namespace
}  // namespace longtake::store
