#include "playback/hls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/limits.h"
#include "playback/playback.h"
#include "playback/test_archive.h"

namespace longtake::playback {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr media::RunId kRun{16};

class HlsTest : public testing::Test {
 protected:
  HlsTest() { set_now(1000); }
  void set_now(int s) { clock_.step_wall(kStart + seconds(s) - clock_.wall_now()); }
  Result<std::string> video(PlaylistRange range) {
    return playback_.media_playlist(grant_, media::TrackKind::kVideo, range, {"../", "?q", "?t"});
  }
  static PlaylistRange between(int from_s, int to_s) {
    return {kStart + seconds(from_s), kStart + seconds(to_s)};
  }

  base::ManualClock clock_;
  TestArchive archive_;
  Playback playback_{archive_, clock_};
  media::ReadGrant grant_ = testing_support::GrantForTests::of("front");
};

TEST_F(HlsTest, AVodListNamesEveryPartAndEnds) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}}));
  archive_.add(make_segment({media::RunId{17}, 1}, {{9}}));
  const std::string text = *video(between(0, 100));
  EXPECT_THAT(text, HasSubstr("#EXT-X-PLAYLIST-TYPE:VOD\n"));
  EXPECT_THAT(text,
              HasSubstr("#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:00.000Z\n#EXTINF:3.000000,\n"
                        "../media/16/1/1769860800000000-1769860803000000.m4s?t\n"));
  EXPECT_THAT(text,
              HasSubstr("#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:09"));
  EXPECT_TRUE(text.ends_with("#EXT-X-ENDLIST\n"));
  EXPECT_EQ(text.find("#EXT-X-MAP"), text.rfind("#EXT-X-MAP")) << "the parameters did not change";
}

TEST_F(HlsTest, AChangeOfParametersBringsAnotherInit) {
  archive_.add(make_segment({kRun, 1}, {{0}}));
  auto other = std::make_shared<media::TrackConfig>(*isobmff::test_video());
  other->decoder_config.back() ^= std::byte{1};
  archive_.add(make_segment({media::RunId{17}, 1}, {{1}}, {other}));
  const std::string text = *video(between(0, 100));
  EXPECT_NE(text.find("#EXT-X-MAP"), text.rfind("#EXT-X-MAP"));
}

TEST_F(HlsTest, TheInitIsWhatItsHashSays) {
  archive_.add(make_segment({kRun, 1}, {{0}}));
  const std::string text = *video(between(0, 100));
  const std::size_t at = text.find("init/") + 5;
  const std::string hash = text.substr(at, 16);
  Playback anew(archive_, clock_);
  for (Playback* playback : {&playback_, &anew}) {  // also when nobody asked for a list before
    const auto body = playback->init_segment(grant_, hash);
    ASSERT_TRUE(body);
    EXPECT_EQ((*body)->size_bytes(), make_named_init(isobmff::test_video())->bytes.size());
  }
  EXPECT_EQ(playback_.init_segment(grant_, "0123456789abcdef").error().code(),
            ErrorCode::kNotFound);
}

TEST_F(HlsTest, TheMultivariantListTellsCodecsAndSize) {
  archive_.add(make_segment({kRun, 1}, {{0}}));
  const std::string text =
      *playback_.multivariant_playlist(grant_, between(0, 100), {"", "?q", ""});
  EXPECT_THAT(text, HasSubstr("RESOLUTION=640x480,AUDIO=\"sound\"\nhls/video.m3u8?q\n"));
  EXPECT_THAT(text, HasSubstr("URI=\"hls/audio.m3u8?q\""));
}

TEST_F(HlsTest, WithoutSoundThereIsNoRendition) {
  archive_.add(make_segment({kRun, 1}, {{0}}, {isobmff::test_video()}));
  const std::string text = *playback_.multivariant_playlist(grant_, between(0, 100), {"", "", ""});
  EXPECT_THAT(text, Not(HasSubstr("EXT-X-MEDIA")));
}

TEST_F(HlsTest, MissingSoundIsAGapInItsListOnly) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}}));
  archive_.add(make_segment({media::RunId{17}, 1}, {{3}, {4}, {5}}, {isobmff::test_video()}));
  const auto audio =
      playback_.media_playlist(grant_, media::TrackKind::kAudio, between(0, 100), {});
  EXPECT_THAT(*audio, HasSubstr("#EXT-X-GAP\n"));
  EXPECT_THAT(*video(between(0, 100)), Not(HasSubstr("#EXT-X-GAP\n")));
}

TEST_F(HlsTest, ALivePartKeepsItsNumberWhileTheWindowSlides) {
  std::vector<TestGop> gops;
  for (int i = 0; i < 200; ++i) gops.push_back({static_cast<double>(i)});
  archive_.add(make_segment({kRun, 1}, gops));
  std::map<int, std::string> parts;  // by number
  for (int now = 70; now < 190; ++now) {
    set_now(now);
    const std::string text = *video({});
    int number = std::atoi(text.c_str() + text.find("MEDIA-SEQUENCE:") + 15);
    for (std::size_t at = 0; (at = text.find("../media/", at + 1)) != std::string::npos; ++number) {
      const std::string part = text.substr(at, text.find('\n', at) - at);
      const auto known = parts.emplace(number, part).first;
      ASSERT_EQ(known->second, part) << "number " << number << " at " << now << " s";
    }
  }
  EXPECT_GT(parts.size(), 40U);
  for (auto part = parts.begin(); std::next(part) != parts.end(); ++part)
    ASSERT_LT(part->second, std::next(part)->second) << "no part has two numbers";
}

TEST_F(HlsTest, ManyAskAtOnceAndGetTheSame) {
  std::vector<TestGop> gops;
  for (int i = 0; i < 60; ++i) gops.push_back({static_cast<double>(i)});
  archive_.add(make_segment({kRun, 1}, gops));
  set_now(90);
  const std::string live = *video({});
  const std::string day = *video(between(0, 60));
  std::atomic<int> different{0};
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < 4; ++client) {
      clients.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          if (*video({}) != live || *video(between(0, 60)) != day) ++different;
        }
      });
    }
  }
  EXPECT_EQ(different, 0);
}

TEST_F(HlsTest, Sec18ClipsOnTheirWayAreCounted) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  const auto ask = [&] {
    ClipConflict conflict;
    return playback_.clip(grant_,
                          *playback_.plan_clip(grant_, {kStart, kStart + seconds(2)}, conflict));
  };
  std::vector<std::shared_ptr<Body>> clips;
  for (int i = 0; i < limits::kClips; ++i) clips.push_back(*ask());
  EXPECT_EQ(ask().error().code(), ErrorCode::kResourceExhausted);
  clips.pop_back();
  EXPECT_TRUE(ask());
}

TEST_F(HlsTest, WhatIsNotRecordedHasNoList) {
  archive_.add(make_segment({kRun, 1}, {{0}}, {isobmff::test_video()}));
  const auto audio = playback_.media_playlist(grant_, media::TrackKind::kAudio, between(0, 9), {});
  EXPECT_EQ(audio.error().code(), ErrorCode::kNotFound);
}

TEST_F(HlsTest, AGrowingListNeverEnds) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}, {2}, {3}}));
  const std::string text = *video({kStart, std::nullopt});
  EXPECT_THAT(text, HasSubstr("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
  EXPECT_THAT(text, Not(HasSubstr("#EXT-X-ENDLIST")));
}

struct BadRange {
  std::string_view name;
  PlaylistRange range;
  ErrorCode code;
};
class RefusedRange : public HlsTest, public testing::WithParamInterface<BadRange> {};

TEST_P(RefusedRange, SaysWhy) {
  archive_.add(make_segment({kRun, 1}, {{0}, {1}}));
  archive_.state = archive::RecordingState::kStopped;
  const auto text = video(GetParam().range);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), GetParam().code) << text.error().message();
}

std::optional<WallTime> at(int s) { return kStart + seconds(s); }

INSTANTIATE_TEST_SUITE_P(
    Hls, RefusedRange,
    testing::Values(BadRange{"TurnedRound", {at(10), at(5)}, ErrorCode::kInvalidArgument},
                    BadRange{"Empty", {at(5), at(5)}, ErrorCode::kInvalidArgument},
                    BadRange{"OnlyAnEnd", {{}, at(5)}, ErrorCode::kInvalidArgument},
                    BadRange{"OverADay", {at(0), at(86'401)}, ErrorCode::kInvalidArgument},
                    BadRange{"ToCome", {at(2000), {}}, ErrorCode::kInvalidArgument},
                    BadRange{"InAGap", {at(100), at(200)}, ErrorCode::kNotFound},
                    BadRange{"LiveOfAStoppedOne", {{}, {}}, ErrorCode::kNotFound}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace longtake::playback
