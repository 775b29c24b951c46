#include "archive/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/recorder_bench.h"

namespace longtake::archive {
namespace {

using media::Reason;
using media::TrackKind;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::size_t sample_count(const std::vector<PendingFragment>& fragments) {
  std::size_t count = 0;
  for (const PendingFragment& fragment : fragments) count += fragment.samples.size();
  return count;
}

TEST(Recorder, RecordsFromTheFirstKeyFrameInOneRun) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect();
  bench.play(10s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-1.0", "recorded 1.0-11.0"));
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(1));
  EXPECT_EQ(bench.media.segment_count(), 1U);
  EXPECT_EQ(bench.recorder->state(), RecordingState::kStopped);
}

TEST(Recorder, TheFirstFragmentWaitsForItsAnchorAndIsThenRecording) {
  RecorderBench bench;
  bench.connect();
  bench.play(900ms);
  EXPECT_THAT(bench.media.fragments, IsEmpty());
  EXPECT_EQ(bench.recorder->state(), RecordingState::kWaiting);
  bench.play(1200ms);
  EXPECT_THAT(bench.media.fragments, testing::Not(IsEmpty()));
  EXPECT_EQ(bench.recorder->state(), RecordingState::kRecording);
}

TEST(Recorder, Cam01_AClosedConnectionLosesNoPictureBeforeItAndOpensTheGapAtTheLastOne) {
  RecorderBench bench;
  bench.connect();
  bench.play(5500ms);
  bench.disconnect();
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  EXPECT_THAT(bench.media.finished_after, ElementsAre(bench.media.fragments.size()));
  bench.wait(2s);
  bench.connect();
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(),
              ElementsAre("recorded 0.0-5.5", "camera_disconnected 5.5-7.5", "recorded 7.5-10.5"));
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(2));
}

TEST(Recorder, AStalledCamerasOpenFragmentIsOutWithinTwoSeconds) {
  RecorderBench bench;
  bench.connect();
  bench.play(5500ms);
  bench.wait(1500ms);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
}

TEST(Recorder, Cam12_AChangedSourceIsANewRunAndLosesNoPicture) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.recorder->on_item(media::SourceChanged{RecorderBench::kVideo, bench.clock.now()});
  bench.media_zero -= 1000s;  // the new sender counts from elsewhere
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  ASSERT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(2));
  EXPECT_EQ(bench.facts.of<store::RunStarted>()[1].cause, "source_changed");
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-10.0"));
}

TEST(Recorder, Cam14_ChangedParameterSetsBeginASegmentInTheSameRun) {
  RecorderBench bench;
  bench.connect();
  for (std::uint32_t i = 0; i < 10; ++i) {
    bench.recorder->on_item(RecorderBench::video_config(640 + i));
    bench.play(1s);
  }
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(1));
  EXPECT_EQ(bench.media.segment_count(), 10U);
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(bench.media.fragments[i].run->tracks.at(0)->width, 640 + i);
    EXPECT_FALSE(bench.media.fragments[i].is_off_key);
  }
}

TEST(Recorder, Cam15_AReconnectWithOtherTracksIsANewRunWithThem) {
  RecorderBench bench;
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  bench.play(3s, 10, true);
  bench.disconnect();
  bench.connect();
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.media.fragments.front().run->tracks, SizeIs(2));
  EXPECT_THAT(bench.media.fragments.back().run->tracks, SizeIs(1));
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(2));
}

TEST(Recorder, Cam16_AnEndlessGopIsCutEachSecondAndItsSegmentAtTwiceTheLength) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(30));
  bench.connect();
  bench.play(130s, 100'000);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(bench.media.segment_count(), 3U);
  EXPECT_FALSE(bench.media.fragments.front().is_off_key);
  EXPECT_TRUE(bench.media.fragments[60].starts_segment);
  EXPECT_TRUE(bench.media.fragments[60].is_off_key);
  for (const PendingFragment& fragment : bench.media.fragments)
    EXPECT_LE(fragment.wall_duration, 1100ms);
}

TEST(Recorder, BeginsASegmentAtTheKeyFrameThatReachesTheTargetLength) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(30));
  bench.connect();
  bench.play(95s, 20);
  bench.recorder->finish(Reason::kOperatorStop);
  std::vector<microseconds> starts;
  for (const PendingFragment& fragment : bench.media.fragments) {
    if (fragment.starts_segment) starts.push_back(fragment.run_position);
    EXPECT_TRUE(!fragment.starts_segment || fragment.is_sync);
  }
  EXPECT_THAT(starts, ElementsAre(0s, 30s, 60s, 90s));
}

TEST(Recorder, VideoAndAudioLieInterleavedAndNoSegmentHoldsSoundOlderThanItsFirstPicture) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(30));
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  bench.play(65s, 20, true);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  microseconds segment_start{0};
  microseconds newest{0};
  for (const PendingFragment& fragment : bench.media.fragments) {
    if (fragment.starts_segment) segment_start = fragment.run_position;
    EXPECT_GE(fragment.run_position, segment_start);
    EXPECT_GE(fragment.run_position, newest - 1s);
    newest = std::max(newest, fragment.run_position);
  }
}

TEST(Recorder, SoundDoesNotBeginBeforeThePicture) {
  RecorderBench bench;
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  for (int i = 0; i < 10; ++i) {
    bench.sound(bench.media_now());
    bench.wait(100ms);
  }
  bench.play(3s, 10, true);
  bench.recorder->finish(Reason::kOperatorStop);
  ASSERT_THAT(bench.media.fragments, testing::Not(IsEmpty()));
  EXPECT_EQ(bench.media.fragments.front().track, RecorderBench::kVideo);
  EXPECT_GE(bench.media.of(RecorderBench::kAudio).front().run_position,
            bench.media.fragments.front().run_position);
}

TEST(Recorder, ACameraWithSoundOnlyIsRecorded) {
  RecorderBench bench;
  bench.connect({TrackKind::kAudio});
  for (int i = 0; i < 50; ++i) {
    bench.sound(bench.media_now());
    bench.wait(100ms);
  }
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-5.0"));
}

TEST(Recorder, WaitsASecondForTheConfigOfPromisedSoundAndThenGoesOnWithoutIt) {
  RecorderBench bench;
  bench.recorder->on_item(
      media::SessionStarted{bench.clock.now(), {TrackKind::kVideo, TrackKind::kAudio}, {}});
  bench.recorder->on_item(RecorderBench::video_config());
  bench.media_zero = bench.clock.now();
  bench.play(3s);
  ASSERT_THAT(bench.media.fragments, testing::Not(IsEmpty()));
  EXPECT_THAT(bench.media.fragments.front().run->tracks, SizeIs(1));
}

TEST(Recorder, SoundWhoseConfigComesWithinTheSecondIsInTheFirstSegment) {
  RecorderBench bench;
  bench.recorder->on_item(
      media::SessionStarted{bench.clock.now(), {TrackKind::kVideo, TrackKind::kAudio}, {}});
  bench.recorder->on_item(RecorderBench::video_config());
  bench.media_zero = bench.clock.now();
  bench.play(500ms, 30);
  bench.recorder->on_item(RecorderBench::audio_config());
  bench.play(3s, 30, true);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.media.fragments.front().run->tracks, SizeIs(2));
  EXPECT_EQ(bench.media.segment_count(), 1U);
}

TEST(Recorder, Cam22_SoundThatComesLaterBeginsASegmentAtTheNextKeyFrame) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s, 20);
  bench.recorder->on_item(RecorderBench::audio_config());
  bench.play(6s, 20, true);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.of(RecorderBench::kVideo)), 110U);
  EXPECT_EQ(bench.media.segment_count(), 2U);
  const auto sound = bench.media.of(RecorderBench::kAudio);
  ASSERT_THAT(sound, testing::Not(IsEmpty()));
  EXPECT_EQ(sound.front().run_position, 6s);
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(1));
}

TEST(Recorder, Cam22_SoundThatVanishesIsDamageAndStopsNoPicture) {
  RecorderBench bench;
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  bench.play(5s, 10, true);
  bench.play(20s, 10, false);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.of(RecorderBench::kVideo)), 250U);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-25.0"));
  const auto damage = bench.facts.of<store::DegradedNoted>();
  ASSERT_THAT(damage, testing::Not(IsEmpty()));
  EXPECT_THAT(damage, Each(testing::Field(&store::DegradedNoted::reason, Reason::kAudioLost)));
  EXPECT_LE(damage.front().range.start, bench.start_wall + 6s);
  EXPECT_GE(damage.back().range.end, bench.start_wall + 22s);
}

TEST(Recorder, Cam22_SoundOfAnotherRateGoesIntoTheNextSegment) {
  RecorderBench bench;
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  bench.play(5s, 10, true);
  bench.recorder->on_item(RecorderBench::audio_config(8000));
  bench.play(500ms, 10, false);
  for (int i = 0; i < 40; ++i) {
    bench.picture(bench.media_now(), i % 10 == 5);
    media::AccessUnit unit;
    unit.track = RecorderBench::kAudio;
    unit.dts = unit.pts = media::MediaTime(bench.media_now().count() * 8 / 1000, 8000);
    unit.received = bench.clock.now();
    unit.is_sync = true;
    bench.recorder->on_item(std::make_shared<const media::AccessUnit>(unit));
    bench.wait(100ms);
  }
  bench.recorder->finish(Reason::kOperatorStop);
  const PendingFragment last_sound = bench.media.of(RecorderBench::kAudio).back();
  EXPECT_EQ(last_sound.run->tracks.at(1)->timescale_hz, 8000U);
  EXPECT_EQ(sample_count(bench.media.of(RecorderBench::kVideo)), 95U);
}

TEST(Recorder, Cam25_ABurstAtTenTimesRealTimeIsTakenWhole) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  const microseconds stopped_at = bench.media_now();
  bench.wait(10s);  // the camera keeps what it films meanwhile
  for (int i = 0; i < 110; ++i) {
    bench.picture(stopped_at + i * 100ms, i % 10 == 0);
    bench.wait(10ms);
  }
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-21.1"));
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(1));
  for (const PendingFragment& fragment : bench.media.fragments) {
    EXPECT_GT(fragment.wall_duration, 0s);
    EXPECT_LE(fragment.wall_duration, 1500ms);
  }
}

TEST(Recorder, NothingIsTakenAfterFinish) {
  RecorderBench bench;
  bench.connect();
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  const std::size_t before = bench.media.fragments.size();
  bench.play(3s);
  bench.recorder->finish(Reason::kConfigChange);
  EXPECT_EQ(bench.media.fragments.size(), before);
  EXPECT_EQ(bench.facts.of<store::GapOpened>().back().reason, Reason::kOperatorStop);
}

}  // namespace
}  // namespace longtake::archive
