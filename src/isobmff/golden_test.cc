#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "isobmff/box_tree.h"
#include "isobmff/init.h"
#include "isobmff/test_segment.h"

/// The format as text. LONGTAKE_REWRITE_GOLDEN=1 in the environment writes the files anew: read the
/// diff before committing it, for every byte of it is in files that people already have.
namespace longtake::isobmff {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_golden(std::string_view name, const std::string& actual) {
  const std::filesystem::path path =
      std::filesystem::path(LONGTAKE_SOURCE_DIR) / "src/isobmff/testdata" / name;
  if (std::getenv("LONGTAKE_REWRITE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << actual;
  EXPECT_EQ(read_text(path), actual) << path;
}

TEST(Golden, InitSegmentOfH264) {
  const std::vector<media::TrackConfigPtr> tracks = {test_video()};
  expect_golden("init_h264.txt", box_tree(make_init(tracks).value()));
}

TEST(Golden, InitSegmentOfH264AndAac) {
  const std::vector<media::TrackConfigPtr> tracks = {test_video(), test_audio()};
  expect_golden("init_h264_aac.txt", box_tree(make_init(tracks).value()));
}

TEST(Golden, ClosedSegment) {
  TestSegment segment;
  base::SeededRandom random(1);
  segment.add_seconds(2, random, 100);
  segment.close();
  expect_golden("segment_h264_aac.txt", box_tree(segment.file()));
}

TEST(Golden, FragmentWithReordering) {
  TestSegment segment({test_video()});
  std::vector<TestUnit> units(4);
  for (std::size_t i = 0; i < units.size(); ++i) {
    units[i].is_sync = i == 0;
    units[i].composition_ticks = static_cast<std::uint32_t>(6000 * (1 + i % 3));
    units[i].payload = Bytes(10 + i, std::byte{0x11});
  }
  segment.add(1, 0, units);
  expect_golden("fragment_reordered.txt",
                box_tree(ByteSpan(segment.file()).subspan(segment.index().init_bytes)));
}

}  // namespace
}  // namespace longtake::isobmff
