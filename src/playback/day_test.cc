#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/clock.h"
#include "playback/playback.h"
#include "playback/test_archive.h"

// What a day costs: 1,440 files of a minute, GOPs of two seconds, 15 pictures a second and sound. Times are printed for
// docs/benchmarks.md, not judged.
namespace longtake::playback {
namespace {

double milliseconds_of(auto&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

TEST(PlaybackDay, ListsAndClips) {
  TestArchive archive;
  constexpr int kFiles = 1440;
  for (int file = 0; file < kFiles; ++file) {
    std::vector<TestGop> gops;
    for (int i = 0; i < 30; ++i) gops.push_back({file * 60.0 + i * 2.0, 2});
    archive.add(make_segment({media::RunId{16}, static_cast<std::uint32_t>(file + 1)}, gops,
                             {isobmff::test_video(), isobmff::test_audio()}, 20));
  }
  base::ManualClock clock(kStart + std::chrono::hours(25));
  Playback playback(archive, clock);
  const media::ReadGrant grant = testing_support::GrantForTests::of("front");
  const PlaylistRange day{kStart, kStart + std::chrono::hours(24)};
  for (const char* name : {"first", "again"}) {
    std::size_t size = 0;
    const double took = milliseconds_of(
        [&] { size = playback.media_playlist(grant, media::TrackKind::kVideo, day, {})->size(); });
    fmt::print("playlist of a day, {}: {:.1f} ms, {} bytes\n", name, took, size);
    EXPECT_GT(size, 1'000'000U);
  }
  std::shared_ptr<Body> clip;
  std::size_t fragments = 0;
  const double planned = milliseconds_of([&] {
    ClipConflict conflict;
    auto plan = playback.plan_clip(grant, {*day.from, *day.to}, conflict);
    ASSERT_TRUE(plan);
    fragments = plan->fragments.size();
    clip = *playback.clip(grant, std::move(*plan));
    ASSERT_TRUE(clip->slice_at(0));
  });
  const std::size_t plan_bytes = fragments * (sizeof(ClipFragment) + sizeof(std::uint32_t)) +
                                 kFiles * sizeof(media::SegmentId);
  fmt::print("clip of a day: {:.1f} ms to the first byte, {} bytes long, plan of {:.1f} MiB\n",
             planned, clip->size_bytes(), static_cast<double>(plan_bytes) / 1048576.0);
  EXPECT_EQ(fragments, 2U * 86'400);
  EXPECT_LT(plan_bytes, 32U * 1024 * 1024);
}

}  // namespace
}  // namespace longtake::playback
