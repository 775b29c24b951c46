#include "playback/media_list.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "playback/test_archive.h"

namespace longtake::playback {
namespace {

constexpr media::RunId kRun{16};
constexpr media::RunId kNextRun{17};

class MediaListTest : public testing::Test {
 protected:
  /// "0-3 3-6 |8-9": parts in seconds from kStart, a bar before a discontinuity.
  std::string parts(double from_s, double to_s, ListEnd end = ListEnd::kAsItIs,
                    double now_s = 1000) {
    const auto at = [](double s) {
      return kStart + microseconds(static_cast<std::int64_t>(s * 1e6));
    };
    const auto list =
        make_media_list(archive_, cache_, grant_, {at(from_s), at(to_s)}, end, at(now_s));
    if (!list) return list.error().message();
    std::string text;
    for (const MediaPart& part : list->parts) {
      const auto seconds_of = [](WallTime time) {
        return std::chrono::duration<double>(time - kStart).count();
      };
      text += fmt::format("{}{}{}-{}", text.empty() ? "" : " ", part.is_discontinuous ? "|" : "",
                          seconds_of(part.range.start), seconds_of(part.range.end));
    }
    return text;
  }

  TestArchive archive_;
  IndexCache cache_{archive_};
  media::ReadGrant grant_ = testing_support::GrantForTests::of("front");
};

TEST_F(MediaListTest, JoinsShortGopsToPartsOfThreeSeconds) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}, {4}, {5}, {6}}));
  EXPECT_EQ(parts(0, 100), "0-3 3-6 6-7");
}

TEST_F(MediaListTest, NeverCutsAGop) {
  archive_.add(make_segment({kRun, 1}, {{0, 2}, {2, 2}, {4, 2}, {6, 10}, {16, 1}}));
  EXPECT_EQ(parts(0, 100), "0-4 4-6 6-16 16-17");
}

TEST_F(MediaListTest, AGopGoesOnInTheNextFile) {
  archive_.add(make_segment({kRun, 1}, {{0, 5}}));
  isobmff::TestSegment next = make_segment({kRun, 2}, {{5, 1}, {6, 1}});
  media::FragmentIndex index = next.index();
  for (media::FragmentEntry& fragment : index.fragments) {
    if (fragment.wall_start == kStart + seconds(5) && fragment.track == 1) {
      fragment.is_sync = false;
      fragment.is_off_key = true;
    }
  }
  archive_.add(next);
  archive_.indexes[{kRun, 2}] = std::make_shared<const media::FragmentIndex>(index);
  EXPECT_EQ(parts(0, 100), "0-6 6-7");
}

TEST_F(MediaListTest, BeginsWithTheGopThatTheRangeBeginsIn) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}, {4}, {5}, {6}}));
  EXPECT_EQ(parts(1.5, 4.2), "1-3 3-5");
}

TEST_F(MediaListTest, TheSamePartsWhereverTheRangeBegins) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}}));
  EXPECT_EQ(parts(2, 100), "2-3 3-6 6-9 9-10");
  EXPECT_EQ(parts(4, 100), "4-6 6-9 9-10");
}

TEST_F(MediaListTest, ARunAndAHoleAreDiscontinuities) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {5}, {6}}));
  archive_.add(make_segment({kNextRun, 1}, {{7}, {8}}));
  EXPECT_EQ(parts(0, 100), "0-2 |5-6 6-7 |7-9") << "a cell ends at 6 s, a run at 7 s";
}

TEST_F(MediaListTest, JitterIsNoHole) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1.2}, {2.2}}));
  EXPECT_EQ(parts(0, 100), "0-3.2");
}

TEST_F(MediaListTest, WhatMayStillGrowIsNotInAStableList) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}, {4}}), true);
  EXPECT_EQ(parts(0, 100, ListEnd::kStable, 5), "0-3");
  EXPECT_EQ(parts(0, 100, ListEnd::kAsItIs, 5), "0-3 3-5");
}

TEST_F(MediaListTest, AClosedFilesLastPartIsStableOnceNothingFollows) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}, {4}}));
  EXPECT_EQ(parts(0, 100, ListEnd::kStable, 6), "0-3") << "the next file may go on with it";
  EXPECT_EQ(parts(0, 100, ListEnd::kStable, 60), "0-3 3-5");
}

TEST_F(MediaListTest, ASegmentDeletedMeanwhileIsLeftOut) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}}));
  archive_.add(make_segment({kRun, 2}, {{3}, {4}, {5}}));
  archive_.add(make_segment({kRun, 3}, {{6}, {7}, {8}}));
  archive_.indexes.erase({kRun, 2});
  EXPECT_EQ(parts(0, 100), "0-3 |6-9");
}

TEST_F(MediaListTest, AFileThatCannotBeReadKeepsNobodyFromTheRest) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}}));
  archive_.add(make_segment({kRun, 2}, {{3}, {4}, {5}}));
  archive_.add(make_segment({kRun, 3}, {{6}, {7}, {8}}));
  archive_.damaged.insert({kRun, 2});
  EXPECT_EQ(parts(0, 100), "0-3 |6-9");
}

TEST_F(MediaListTest, SoundAloneIsCutLikeThePicture) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}}, {isobmff::test_audio()}));
  EXPECT_EQ(parts(0, 100), "0-3 3-4");
}

TEST_F(MediaListTest, ReadsAClosedFileOnce) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  parts(0, 100);
  parts(0, 100);
  EXPECT_EQ(archive_.index_reads, 1);
}

TEST_F(MediaListTest, ForgetsWhatWasNotAskedForLongest) {
  for (std::uint32_t i = 1; i <= 3; ++i)
    archive_.add(make_segment({kRun, i}, {{static_cast<double>(i)}}));
  IndexCache small(archive_,
                   2 * 2 * sizeof(media::FragmentEntry) + 2 * sizeof(media::FragmentIndex));
  for (const std::size_t i : {0U, 1U, 0U, 2U, 0U, 1U})
    ASSERT_TRUE(small.get("front", archive_.infos[i]));
  EXPECT_EQ(archive_.index_reads, 4) << "the second one was forgotten for the third";
}

TEST_F(MediaListTest, EmptyWhereNothingIs) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  EXPECT_EQ(parts(100, 200), "");
}

}  // namespace
}  // namespace longtake::playback
