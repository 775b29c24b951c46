#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/recorder.h"
#include "archive/recorder_bench.h"

// What the recorder says is missing, and why.
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

constexpr microseconds kYear = std::chrono::hours(24 * 365);

std::size_t sample_count(const std::vector<PendingFragment>& fragments) {
  std::size_t count = 0;
  for (const PendingFragment& fragment : fragments) count += fragment.samples.size();
  return count;
}

TEST(Recorder, ArmsANewRecordingAndSaysThatItIsNotConnected) {
  RecorderBench bench;
  bench.wait(5s);
  EXPECT_THAT(bench.facts.of<store::Armed>(), SizeIs(1));
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-5.0"));
  EXPECT_EQ(bench.recorder->state(), RecordingState::kWaiting);
}

TEST(Recorder, LeavesTheDowntimeOfAKnownRecordingToRecoveryUntilTheFirstFragment) {
  RecorderBench bench({media::RecordingId{7}, "front", true, std::nullopt});
  bench.wait(2s);
  EXPECT_THAT(bench.facts.facts, IsEmpty());
  bench.connect();
  bench.play(3s);
  ASSERT_THAT(bench.facts.of<store::GapClosed>(), SizeIs(1));
  EXPECT_EQ(bench.facts.of<store::GapClosed>()[0].to, bench.start_wall + 2s);
  EXPECT_THAT(bench.facts.of<store::Armed>(), IsEmpty());
}

TEST(Recorder, EndsTheDowntimeWhenTheCameraCannotBeReached) {
  RecorderBench bench({media::RecordingId{7}, "front", true, std::nullopt});
  bench.wait(2s);
  bench.disconnect(Reason::kDnsFailed);
  ASSERT_THAT(bench.facts.of<store::GapOpened>(), SizeIs(1));
  EXPECT_EQ(bench.facts.of<store::GapOpened>()[0].from, bench.start_wall + 2s);
}

TEST(Recorder, Cam02_SilenceIsAGapWhileTheSessionLivesAndTakesTheReasonOfItsEnd) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.wait(4s);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-5.0", "camera_stalled 5.0-9.0"));
  EXPECT_EQ(bench.recorder->state(), RecordingState::kWaiting);
  bench.disconnect(Reason::kCameraTimeout);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-5.0", "camera_timeout 5.0-9.0"));
}

TEST(Recorder, AHoleInTheMediaIsAGapAndRecordingGoesOnInTheSameRun) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.wait(1500ms);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(),
              ElementsAre("recorded 0.0-5.0", "camera_stalled 5.0-6.5", "recorded 6.5-9.5"));
  EXPECT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(1));
}

TEST(Recorder, AHoleWithLostPacketsIsPacketLossAndCounted) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.wait(1500ms);
  bench.recorder->on_item(
      media::Damage{RecorderBench::kVideo, Reason::kPacketLoss, 40, bench.clock.now()});
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(),
              ElementsAre("recorded 0.0-5.0", "packet_loss 5.0-6.5", "recorded 6.5-9.5"));
  ASSERT_THAT(bench.facts.of<store::DegradedNoted>(), SizeIs(1));
  EXPECT_EQ(bench.facts.of<store::DegradedNoted>()[0].count, 40U);
}

TEST(Recorder, AHoleBelowASecondIsBridgedAsJitter) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.wait(800ms);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-8.8"));
}

TEST(Recorder, ASlowCamerasPicturesAreNoHoles) {
  RecorderBench bench;
  bench.connect();
  for (int i = 0; i < 20; ++i) {
    bench.picture(bench.media_now(), true);
    bench.wait(4s);
  }
  bench.picture(bench.media_now(), true);
  bench.wait(2s);
  EXPECT_THAT(bench.timeline().gaps, Each(testing::Field(&media::Gap::is_open, true)));
  for (const PendingFragment& fragment : bench.media.fragments) {
    EXPECT_LE(fragment.wall_duration, Fragmenter::kLongest);
  }
}

TEST(Recorder, Cam16_WaitsForAKeyFrameAndSaysSo) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect();
  bench.play(2s, 0);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-1.0", "no_keyframe 1.0-3.0",
                                         "recorded 3.0-6.0"));
  EXPECT_TRUE(bench.media.fragments.front().is_sync);
}

TEST(Recorder, Cam16_WaitsForAKeyFrameFromTheSessionsStartAndNotFromTheFirstPictureLeftOut) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect();
  bench.wait(800ms);
  bench.play(2s, 0);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-1.0", "no_keyframe 1.0-3.8",
                                         "recorded 3.8-6.8"));
}

TEST(Recorder, Cam16_ACameraWhoseFirstPictureTakesASecondIsNotDisconnected) {
  RecorderBench bench;
  bench.connect();
  bench.play(3s);
  bench.disconnect();
  bench.wait(2s);
  bench.connect();
  bench.wait(1500ms);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-3.0", "camera_disconnected 3.0-5.0",
                                         "no_keyframe 5.0-6.5", "recorded 6.5-9.5"));
}

TEST(Recorder, ATimeNobodyCanSeeIsNoGapOfItsOwn) {
  RecorderBench bench;
  bench.wait(std::chrono::microseconds(400));  // a camera next door answers that fast
  bench.connect();
  bench.wait(1500ms);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("no_keyframe 0.0-1.5", "recorded 1.5-4.5"));
}

TEST(Recorder, ACameraThatSendsSoundForASecondBeforeItsPictureWaitsForAKeyFrame) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect({TrackKind::kVideo, TrackKind::kAudio});
  for (int i = 0; i < 15; ++i) {
    bench.sound(bench.media_now());
    bench.wait(100ms);
  }
  bench.play(3s, 10, true);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-1.0", "no_keyframe 1.0-2.5",
                                         "recorded 2.5-5.5"));
}

TEST(Recorder, AConnectionThatShowsItsPictureWithinASecondEndsTheGapThatWas) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect();
  bench.wait(700ms);
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("camera_disconnected 0.0-1.7", "recorded 1.7-4.7"));
}

TEST(Recorder, Host19_AFrozenProcessIsTheReasonForWhatIsMissing) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.clock.advance(30s);  // nothing runs
  bench.wait(100ms);
  bench.disconnect();
  bench.wait(2s);
  bench.connect();
  bench.play(3s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-5.0", "process_stalled 5.0-35.0",
                                         "camera_disconnected 35.0-37.1", "recorded 37.1-40.1"));
}

TEST(Recorder, Host22_AClockSetForwardLeavesATimeThatNeverWas) {
  RecorderBench bench;
  bench.connect();
  bench.play(5s);
  bench.clock.step_wall(
      std::chrono::hours(1));  // read anew every 50 ms: one more picture has the old time
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  ASSERT_THAT(bench.facts.of<store::RunStarted>(), SizeIs(2));
  EXPECT_EQ(bench.facts.of<store::RunStarted>()[1].cause, "clock_step");
  EXPECT_THAT(bench.story(),
              ElementsAre("recorded 0.0-5.1", "clock_step 5.1-3605.1", "recorded 3605.1-3610.0"));
}

TEST(Recorder, Host22_AClockSetBackKeepsBothTimesAndMarksThem) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(60),
                      ClockWatch::kEarliest + kYear);
  bench.connect();
  bench.play(7200s, 10);
  bench.clock.step_wall(-std::chrono::hours(1));
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_EQ(sample_count(bench.media.fragments), bench.sent.size());
  const auto damage = bench.facts.of<store::DegradedNoted>();
  ASSERT_THAT(damage, SizeIs(1));
  EXPECT_EQ(damage[0].reason, Reason::kClockStep);
  EXPECT_GE(damage[0].range.length(), 3598s);
  for (const PendingFragment& fragment : bench.media.fragments)
    EXPECT_GT(fragment.wall_duration, 0s);
}

TEST(Recorder, Host23_ABootWithoutAClockIsRecordedUncertainAndRedatedOnceTheClockIsSet) {
  const WallTime truth = ClockWatch::kEarliest + kYear;
  RecorderBench bench({media::RecordingId{7}, "front", true, truth - seconds(100)}, seconds(60),
                      WallTime(seconds(30)));
  bench.connect();
  bench.play(20s);
  EXPECT_TRUE(bench.media.fragments.front().run->is_time_uncertain);
  EXPECT_THAT(bench.facts.of<store::GapClosed>(),
              IsEmpty());  // of the downtime: not yet known when
  const microseconds step = truth - WallTime(seconds(30));
  bench.clock.step_wall(step);
  bench.play(10s);
  bench.recorder->finish(Reason::kOperatorStop);
  const auto redated = bench.facts.of<store::RunRedated>();
  ASSERT_THAT(redated, SizeIs(1));
  EXPECT_EQ(redated[0].run, bench.media.fragments.front().run->id);
  EXPECT_EQ(redated[0].by, step);
  EXPECT_FALSE(bench.media.fragments.back().run->is_time_uncertain);
  ASSERT_THAT(bench.facts.of<store::GapClosed>(), SizeIs(1));
  EXPECT_EQ(bench.facts.of<store::GapClosed>()[0].to, truth);

  bench.facts.facts.insert(bench.facts.facts.begin(), store::Armed{media::RecordingId{7}, truth});
  const media::TimelineAnswer answer = bench.timeline();
  ASSERT_THAT(answer.spans, SizeIs(1));
  EXPECT_EQ(answer.spans[0].length(), 30s);
  EXPECT_THAT(answer.gaps, IsEmpty());
}

TEST(Recorder, Host23_ANewRecordingUnderAWrongClockIsExplainedWholeOnceItIsSet) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(60),
                      WallTime(seconds(30)));
  bench.wait(2s);
  bench.connect();
  bench.play(5s);
  bench.disconnect();
  bench.wait(2s);
  bench.connect();
  bench.play(5s);
  bench.clock.step_wall(ClockWatch::kEarliest + kYear - WallTime(seconds(30)));
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  const media::TimelineAnswer answer = bench.timeline();
  for (const media::Gap& gap : answer.gaps) {
    EXPECT_NE(gap.reason, Reason::kLedgerLost)
        << to_string(gap.range.start) << " " << to_string(gap.range.end);
  }
  EXPECT_THAT(answer.spans, SizeIs(2));
}

TEST(Recorder, Host23_ANewRecordingUnderAWrongClockExplainsNothingOfTheFuture) {
  const WallTime truth = ClockWatch::kEarliest + kYear;
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(60),
                      WallTime(seconds(30)));
  bench.wait(2s);
  bench.connect();
  bench.play(5s);
  bench.clock.step_wall(truth - WallTime(seconds(30)));
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  for (const auto& noted : bench.facts.of<store::GapNoted>())
    EXPECT_LE(noted.range.end, bench.clock.wall_now()) << to_string(noted.reason);
  const media::TimelineAnswer answer = bench.timeline();
  ASSERT_THAT(answer.gaps, SizeIs(2));
  EXPECT_EQ(answer.gaps[0].reason, Reason::kClockStep);  // asked for since 1970
  EXPECT_EQ(answer.gaps[1].reason, Reason::kCameraDisconnected);
  EXPECT_EQ(answer.gaps[1].range, (TimeRange{truth, truth + 2s}));
}

TEST(Recorder, Host22_ATimeBeforeRecordingWasAskedForIsShownWhenTheClockIsSetBackToIt) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(60),
                      ClockWatch::kEarliest + kYear);
  bench.connect();
  bench.play(5s);
  bench.clock.step_wall(-std::chrono::hours(1));
  bench.play(5s);
  const WallTime set_back = bench.clock.wall_now();
  bench.recorder->finish(Reason::kOperatorStop);
  const media::TimelineAnswer answer =
      media::TimelineAnswer(timeline_of(bench.media, bench.facts, bench.start_wall + 10s));
  ASSERT_THAT(answer.spans, SizeIs(2));
  EXPECT_EQ(answer.spans[0].end, set_back);
  EXPECT_EQ(answer.spans[1].start, bench.start_wall);
  ASSERT_FALSE(answer.gaps.empty());
  for (const media::Gap& gap : answer.gaps) EXPECT_NE(gap.reason, Reason::kLedgerLost);
}

// The last life ended under a clock an hour ahead; somebody set it right before this one.
TEST(Recorder, Host22_ASynchronisedClockBehindTheLastLifeIsRightAndItsFootageIsShown) {
  const WallTime truth = ClockWatch::kEarliest + kYear;
  RecorderBench bench({media::RecordingId{7}, "front", true, truth + std::chrono::hours(1)},
                      seconds(60), truth);
  bench.connect();
  bench.play(5s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_FALSE(bench.media.fragments.front().run->is_time_uncertain);
  const auto armed = bench.facts.of<store::Armed>();
  ASSERT_THAT(armed, SizeIs(1));
  EXPECT_EQ(armed[0].at, truth);
}

TEST(Recorder, Host22_AClockBehindTheLastLifeIsWrongUntilTheKernelCallsItSynchronised) {
  const WallTime truth = ClockWatch::kEarliest + kYear;
  RecorderBench bench({media::RecordingId{7}, "front", true, truth + std::chrono::hours(1)},
                      seconds(60), truth);
  bench.clock.set_synchronised(false);
  bench.wait(1s);
  bench.connect();
  bench.play(5s);
  EXPECT_TRUE(bench.media.fragments.front().run->is_time_uncertain);
  EXPECT_THAT(bench.facts.of<store::Armed>(), IsEmpty());
  bench.clock.set_synchronised(true);
  bench.play(5s);
  EXPECT_FALSE(bench.media.fragments.back().run->is_time_uncertain);
  EXPECT_THAT(bench.facts.of<store::RunRedated>(), SizeIs(1));
  EXPECT_THAT(bench.facts.of<store::Armed>(), SizeIs(1));
  EXPECT_EQ(bench.facts.of<store::Armed>()[0].at, truth + 1s);
}

TEST(Recorder, Host22_TenYearsBackAndForthAgainIsOneRecordingWithoutAHole) {
  RecorderBench bench({media::RecordingId{7}, "front", false, std::nullopt}, seconds(60),
                      ClockWatch::kEarliest + kYear);
  bench.connect();
  bench.play(10s);
  bench.clock.step_wall(-10 * kYear);
  bench.play(10s);
  bench.clock.step_wall(10 * kYear);
  bench.play(10s);
  bench.recorder->finish(Reason::kOperatorStop);
  EXPECT_THAT(bench.facts.of<store::RunRedated>(), SizeIs(1));
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-30.0"));
}

TEST(Recorder, ReasonsFollowOneAnotherWhileAttemptsGoOn) {
  RecorderBench bench;
  bench.connect();
  bench.play(3s);
  bench.disconnect(Reason::kCameraDisconnected);
  bench.wait(2s);
  bench.disconnect(Reason::kAuthFailed);
  bench.wait(1s);
  bench.disconnect(Reason::kAuthFailed);
  bench.wait(1s);
  bench.recorder->finish(Reason::kConfigChange);
  bench.wait(1s);
  EXPECT_THAT(bench.story(), ElementsAre("recorded 0.0-3.0", "camera_disconnected 3.0-5.0",
                                         "auth_failed 5.0-7.0", "config_change 7.0-8.0"));
}

TEST(Recorder, ASessionWithoutAnyMediaIsStalledAfterAWhile) {
  RecorderBench bench;
  bench.connect();
  bench.wait(5s);
  EXPECT_THAT(bench.story(), ElementsAre("camera_stalled 0.0-5.0"));
}

TEST(Recorder, TheSessionsOwnReasonForWaitingIsTold) {
  RecorderBench bench;
  bench.wait(1s);
  bench.connect();
  bench.recorder->on_item(media::Waiting{Reason::kUnsupportedMedia, bench.clock.now()});
  bench.wait(4s);
  EXPECT_THAT(bench.story(),
              ElementsAre("camera_disconnected 0.0-1.0", "unsupported_media 1.0-5.0"));
}

}  // namespace
}  // namespace longtake::archive
