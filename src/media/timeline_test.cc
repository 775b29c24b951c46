#include "media/timeline.h"

#include <gtest/gtest.h>

#include <vector>

namespace longtake::media {
namespace {

using std::chrono::abs;
using std::chrono::hours;
using std::chrono::minutes;
using NewRun = Timeline::NewRun;
using Position = Timeline::Position;

constexpr std::uint32_t kVideoHz = 90'000;
constexpr std::uint32_t kAudioHz = 48'000;
constexpr microseconds kFrame = milliseconds(40);
constexpr MonotonicTime kBoot = MonotonicTime(hours(1));
constexpr WallTime kMidnight = WallTime(seconds(1'767'225'600));

/// Feeds a timeline with a camera's units and keeps what came of each. Times are given since the
/// session began.
class Session {
 public:
  Session() = default;
  explicit Session(const Timeline::Options& options) : timeline_(options) {}

  /// One unit with the given media time, received at the given time.
  Position video(microseconds media, microseconds received) {
    return feed(1, kVideoHz, media, received);
  }
  Position audio(microseconds media, microseconds received) {
    return feed(2, kAudioHz, media, received);
  }

  /// Video at 25 fps from media time `media`, each picture received `late` after its time since
  /// `from`.
  void play(microseconds from, microseconds to, microseconds media,
            microseconds late = microseconds(0)) {
    for (microseconds at = from; at < to; at += kFrame) video(media + (at - from), at + late);
  }

  void report(TrackId track, microseconds media, microseconds received, WallTime camera_wall) {
    const std::uint32_t hz = track == 1 ? kVideoHz : kAudioHz;
    timeline_.on_sender_report(
        {track, from_microseconds(media, hz), camera_wall, kBoot + received});
  }

  void step_wall(microseconds by) { wall_minus_monotonic_ += by; }
  [[nodiscard]] WallTime wall_at(microseconds received) const {
    return WallTime(
        std::chrono::duration_cast<microseconds>((kBoot + received).time_since_epoch()) +
        wall_minus_monotonic_);
  }
  /// Wall time given to a position, against the machine's wall time at `received`.
  [[nodiscard]] microseconds error(const Position& position, microseconds received) const {
    return timeline_.wall_of(position.run_position) - wall_at(received);
  }

  Timeline& timeline() { return timeline_; }
  [[nodiscard]] const std::vector<NewRun>& runs() const { return runs_; }
  [[nodiscard]] const Position& last() const { return last_; }

 private:
  Position feed(TrackId track, std::uint32_t hz, microseconds media, microseconds received) {
    AccessUnit unit;
    unit.track = track;
    unit.dts = unit.pts = from_microseconds(media, hz, Rounding::kNearest);
    unit.received = kBoot + received;
    last_ = timeline_.place(unit, wall_minus_monotonic_);
    if (last_.new_run != NewRun::kNo) runs_.push_back(last_.new_run);
    return last_;
  }

  Timeline timeline_{Timeline::Options{}};
  microseconds wall_minus_monotonic_ =
      kMidnight.time_since_epoch() -
      std::chrono::duration_cast<microseconds>(kBoot.time_since_epoch());
  std::vector<NewRun> runs_;
  Position last_;
};

const std::vector<NewRun> kOneRun = {NewRun::kFirst};

TEST(Timeline, PositionsCountFromTheFirstUnitInExactTicks) {
  Session session;
  EXPECT_EQ(session.video(hours(5), seconds(0)).track_ticks, 0);
  EXPECT_EQ(session.video(hours(5) + kFrame, kFrame).track_ticks, 3'600);
  EXPECT_EQ(session.last().run_position, kFrame);
}

TEST(Timeline, Cam17_CompositionIsPtsMinusDts) {
  Timeline timeline({});
  AccessUnit unit;
  unit.track = 1;
  unit.dts = MediaTime(1'000, kVideoHz);
  unit.pts = MediaTime(8'200, kVideoHz);
  unit.received = kBoot;
  EXPECT_EQ(timeline.place(unit, microseconds(0)).composition_ticks, 7'200);
}

TEST(Timeline, TheAnchorStandsAfterItsWindowEvenIfNoUnitComes) {
  Session session;
  session.video(seconds(0), seconds(0));
  EXPECT_FALSE(session.last().is_anchored);
  session.timeline().on_time(kBoot + milliseconds(999));
  EXPECT_FALSE(session.timeline().is_anchored());
  session.timeline().on_time(kBoot + seconds(1));
  EXPECT_TRUE(session.timeline().is_anchored());
  EXPECT_EQ(session.timeline().run_start(), kBoot);
}

TEST(Timeline, AGopBurstAtPlayIsLateNotAhead) {
  // At PLAY the camera sends the two seconds it had buffered within 100 ms, then goes on live.
  Session session;
  for (int i = 0; i < 50; ++i) session.video(i * kFrame, i * milliseconds(2));
  for (int i = 50; i < 500; ++i) session.video(i * kFrame, (i - 50) * kFrame + milliseconds(100));
  EXPECT_EQ(session.runs(), kOneRun);
  // The first picture was taken about two seconds before it was received.
  EXPECT_LE(
      abs(session.timeline().wall_of(microseconds(0)) - session.wall_at(-milliseconds(1'900))),
      kFrame);
  EXPECT_LE(abs(session.error(session.last(), 449 * kFrame + milliseconds(100))), milliseconds(1));
}

TEST(Timeline, Cam25_MediaHeldUpAndFlushedAtTenTimesRealTimeKeepsItsSpacing) {
  Session session;
  session.play(seconds(0), seconds(60), seconds(0));
  // 20 s of silence, then what the camera had kept, ten times as fast as it was taken.
  microseconds before = session.last().run_position;
  microseconds received = seconds(80);
  for (microseconds media = seconds(60); media < seconds(82); media += kFrame) {
    session.video(media, received);
    EXPECT_EQ(session.last().run_position - before, kFrame);
    before = session.last().run_position;
    received += kFrame / 10;
  }
  session.play(seconds(83), seconds(120), seconds(83));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_FALSE(session.timeline().is_spaced_by_receipt());
  EXPECT_LE(abs(session.error(session.last(), seconds(120) - kFrame)), milliseconds(20));
}

TEST(Timeline, LatenessAloneNeverSplits) {
  Session session;
  session.play(seconds(0), seconds(60), seconds(0));
  session.play(seconds(60), seconds(600), seconds(60), seconds(15));
  EXPECT_EQ(session.runs(), kOneRun);
}

TEST(Timeline, LateMediaFollowedByLivePicturesIsNoJump) {
  Session session;
  session.play(seconds(0), seconds(60), seconds(0));
  session.video(seconds(60), seconds(80));  // 20 s late
  session.video(seconds(80) + kFrame,
                seconds(80) + kFrame);  // the camera dropped the rest and is live again
  EXPECT_EQ(session.runs(), kOneRun);
}

TEST(Timeline, AHoleInMediaThatReceiptSawTooStaysInsideTheRun) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  const microseconds before = session.last().run_position;
  session.play(seconds(40), seconds(50), seconds(40));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_EQ(session.last().run_position - before, seconds(40));
}

TEST(Timeline, AJumpForwardBeginsARunAtTheTimeOfReceipt) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.play(seconds(10), seconds(20), hours(3));
  EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kMediaJump}));
  EXPECT_LE(abs(session.error(session.last(), seconds(20) - kFrame)), milliseconds(1));
}

TEST(Timeline, Cam21_ABackwardStepOfTheCamerasClockBeginsARun) {
  Session session;
  session.play(seconds(0), seconds(10), hours(3));
  session.play(seconds(10), seconds(20), hours(2));
  EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kMediaJump}));
  EXPECT_LE(abs(session.error(session.last(), seconds(20) - kFrame)), milliseconds(1));
}

TEST(Timeline, MediaThatDriftsAheadOfReceiptBeginsARun) {
  // The anchor was set while the network held everything up by three seconds.
  Session session;
  session.play(seconds(0), seconds(5), seconds(0), seconds(3));
  for (int i = 0; i < 100; ++i)
    session.video(seconds(5) + i * kFrame, seconds(8) + i * kFrame / 10);
  EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kAheadOfReceipt}));
}

TEST(Timeline, Host22_AStepOfTheMachinesClockBeginsARunWithTheNewTime) {
  for (const microseconds step : {microseconds(hours(1)), microseconds(-hours(24 * 3650))}) {
    Session session;
    session.play(seconds(0), seconds(10), seconds(0));
    session.step_wall(step);
    session.play(seconds(10), seconds(20), seconds(10));
    EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kClockStep}));
    EXPECT_LE(abs(session.error(session.last(), seconds(20) - kFrame)), milliseconds(1));
  }
}

TEST(Timeline, Host22_AfterAClockStepTheAnchorNeedsNoNewWindow) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.step_wall(hours(1));
  EXPECT_TRUE(session.video(seconds(10), seconds(10)).is_anchored);
}

TEST(Timeline, Host22_SoundBetweenTheStepAndThePictureOpensNoSecondRun) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.audio(seconds(9), seconds(9));
  session.step_wall(hours(1));
  session.audio(seconds(10), seconds(10));
  session.video(seconds(10), seconds(10));
  session.audio(seconds(11), seconds(11));
  EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kClockStep}));
}

TEST(Timeline, Host24_ASmearedLeapSecondIsFollowedWithoutASplit) {
  // One second over 24 h is 11.6 ppm: what a smearing time server does.
  Session session;
  for (int second = 0; second < 86'400; ++second) {
    session.step_wall(microseconds(-second % 5 == 0 ? -58 : 0));
    session.video(seconds(second), seconds(second));
  }
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_LE(abs(session.error(session.last(), seconds(86'399))), milliseconds(20));
}

TEST(Timeline, SmallStepsOfTheMachinesClockAreSlewedNeverBackward) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.step_wall(-milliseconds(500));
  WallTime before = session.timeline().wall_of(session.last().run_position);
  for (microseconds at = seconds(10); at < minutes(20); at += kFrame) {
    const WallTime wall = session.timeline().wall_of(session.video(at, at).run_position);
    EXPECT_GT(wall, before);
    before = wall;
  }
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_LE(abs(session.error(session.last(), minutes(20) - kFrame)), milliseconds(20));
}

TEST(Timeline, Cam12_AnotherSenderBeginsOneRun) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.timeline().on_source_changed(1);
  session.play(seconds(10), seconds(20), hours(7));
  EXPECT_EQ(session.runs(), (std::vector{NewRun::kFirst, NewRun::kSourceChanged}));
  EXPECT_LE(abs(session.error(session.last(), seconds(20) - kFrame)), milliseconds(1));
}

TEST(Timeline, Cam22_AnotherSenderOfSoundAloneNeverSplitsThePicture) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  session.audio(seconds(10), seconds(10));
  session.timeline().on_source_changed(2);
  session.audio(hours(9), seconds(11));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_LE(abs(session.last().run_position - seconds(11)), milliseconds(1));
}

TEST(Timeline, Cam11_MediaTimesBeyond32BitsStayExact) {
  // Three wraps of a 32-bit RTP clock in 48 h, unwrapped: one picture a second is enough to show
  // it.
  Session session;
  for (int second = 0; second <= 48 * 3'600; ++second)
    session.video(seconds(47'721 + second), seconds(second));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_EQ(session.last().track_ticks, 48LL * 3'600 * kVideoHz);
}

TEST(Timeline, Cam19_TheMedianIntervalIsWhatWasSentNotWhatWasDeclared) {
  Session session;
  EXPECT_EQ(session.timeline().median_interval(1), std::nullopt);
  session.video(seconds(0), seconds(0));
  EXPECT_EQ(session.timeline().median_interval(1), std::nullopt);
  for (int i = 1; i < 30; ++i) session.video(i * milliseconds(50), i * milliseconds(50));
  session.video(seconds(60), seconds(60));
  EXPECT_EQ(session.timeline().median_interval(1), milliseconds(50));
}

// Cameras whose media clock runs at another rate than it says, at 25 fps by receipt, for two
// minutes.
class WrongRate : public testing::TestWithParam<int> {};

TEST_P(WrongRate, Cam18_IsSpacedByReceiptAndFlaggedInFewRuns) {
  Session session;
  const int percent = GetParam();
  for (int i = 0; i < 3'000; ++i) session.video(i * kFrame * percent / 100, i * kFrame);
  EXPECT_TRUE(session.timeline().is_spaced_by_receipt());
  EXPECT_LE(session.runs().size(), 4U);
  EXPECT_LE(abs(session.error(session.last(), 2'999 * kFrame)), milliseconds(500));
  const microseconds before = session.last().run_position;
  session.video(3'000 * kFrame * percent / 100, 3'000 * kFrame);
  EXPECT_LE(abs(session.last().run_position - before - kFrame), milliseconds(2));
}
INSTANTIATE_TEST_SUITE_P(Timeline, WrongRate,
                         testing::Values(2, 50, 90, 98, 102, 105, 120, 200, 1'000));

TEST(Timeline, ARateOffByLessThanOnePercentIsFollowedNotFlagged) {
  Session session;
  for (int i = 0; i < 3'000; ++i) session.video(i * microseconds(40'200), i * kFrame);
  EXPECT_FALSE(session.timeline().is_spaced_by_receipt());
  EXPECT_EQ(session.runs().size(), 1U);
}

TEST(Timeline, AStalledNetworkIsNotTakenForASlowCamera) {
  // After a good minute the link carries half the bitrate for 20 s, then catches up.
  Session session;
  session.play(seconds(0), seconds(60), seconds(0));
  for (int i = 0; i < 250; ++i)
    session.video(seconds(60) + i * kFrame, seconds(60) + 2 * i * kFrame);
  for (int i = 0; i < 260; ++i)
    session.video(seconds(70) + i * kFrame, seconds(80) + i * milliseconds(1));
  EXPECT_FALSE(session.timeline().is_spaced_by_receipt());
  EXPECT_EQ(session.runs(), kOneRun);
}

TEST(Timeline, Cam18_ConstantTimesAreSpacedByReceipt) {
  Session session;
  for (int i = 0; i < 1'500; ++i) session.video(seconds(0), i * kFrame);
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_TRUE(session.timeline().is_spaced_by_receipt());
  EXPECT_LE(abs(session.last().run_position - 1'499 * kFrame), milliseconds(100));
}

TEST(Timeline, Cam18_JumpsWithoutEndDoNotOpenRunsWithoutEnd) {
  // Each GOP of two seconds starts its time anew.
  Session session;
  for (int gop = 0; gop < 300; ++gop)
    session.play(gop * seconds(2), (gop + 1) * seconds(2), seconds(0));
  EXPECT_LE(session.runs().size(), 5U);
  EXPECT_TRUE(session.timeline().is_spaced_by_receipt());
  EXPECT_LE(abs(session.error(session.last(), seconds(600) - kFrame)), milliseconds(100));
}

TEST(Timeline, Cam18_AClockThatTurnsGoodIsBelievedAgainWithoutASplit) {
  Session session;
  for (int i = 0; i < 250; ++i) session.video(seconds(0), i * kFrame);
  EXPECT_TRUE(session.timeline().is_spaced_by_receipt());
  session.play(seconds(10), seconds(90), seconds(10));
  EXPECT_FALSE(session.timeline().is_spaced_by_receipt());
  EXPECT_EQ(session.runs(), kOneRun);
  const Position before = session.last();
  EXPECT_EQ(session.video(seconds(90), seconds(90)).track_ticks - before.track_ticks, 3'600);
}

TEST(Timeline, ASmallStepBackSqueezesAFewPicturesInsteadOfSplitting) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  std::int64_t before = session.last().track_ticks;
  for (int i = 0; i < 50; ++i) {
    const Position position =
        session.video(milliseconds(9'700) + i * kFrame, seconds(10) + i * kFrame);
    EXPECT_GT(position.track_ticks, before);
    before = position.track_ticks;
  }
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_EQ(session.last().run_position, milliseconds(9'700) + 49 * kFrame);
}

TEST(Timeline, SoundLiesWhereItsReceiptPutsItOnThePicturesTimeBase) {
  Session session;
  session.play(seconds(0), seconds(10), seconds(0));
  EXPECT_EQ(session.audio(hours(80), seconds(10)).run_position, seconds(10));
  EXPECT_EQ(session.last().track_ticks, 480'000);
  EXPECT_EQ(session.runs(), kOneRun);
}

TEST(Timeline, SoundBeforeThePictureDoesNotSplitAndIsPlacedFromZero) {
  Session session;
  EXPECT_EQ(session.audio(seconds(500), seconds(0)).track_ticks, 0);
  session.video(hours(5), milliseconds(200));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_EQ(session.last().run_position, milliseconds(200));
}

/// 20 ms of sound and 40 ms of video in turn; sound begins `audio_late` behind the picture it
/// belongs to.
void play_both(Session& session, microseconds from, microseconds to, microseconds audio_late) {
  for (microseconds at = from; at < to; at += kFrame) {
    session.video(at, at);
    session.audio(hours(50) + at, at + audio_late);
    session.audio(hours(50) + at + kFrame / 2, at + kFrame / 2 + audio_late);
  }
}

TEST(Timeline, SoundPlacedDuringAVideoBurstIsSetRightOnceTheAnchorStands) {
  Session session;
  session.video(seconds(0), seconds(0));
  // Sound is live at once, while two seconds of video are still to come.
  session.audio(hours(50) + milliseconds(1'900), milliseconds(10));
  for (int i = 1; i < 50; ++i) session.video(i * kFrame, milliseconds(10) + i * milliseconds(2));
  for (int i = 0; i < 100; ++i) {
    session.video(seconds(2) + i * kFrame, milliseconds(110) + i * kFrame);
    session.audio(hours(50) + seconds(2) + i * kFrame, milliseconds(110) + i * kFrame);
  }
  EXPECT_LE(abs(session.last().run_position - (seconds(2) + 99 * kFrame)), milliseconds(45));
  EXPECT_EQ(session.runs(), kOneRun);
}

TEST(Timeline, SteadySenderReportsMoveSoundOnlyByTheSlewRate) {
  // Sound takes 200 ms longer on the way than video; only the reports can know.
  Session session;
  play_both(session, seconds(0), seconds(30), milliseconds(200));
  const microseconds before = session.last().run_position - (seconds(30) - kFrame / 2);
  EXPECT_LE(abs(before - milliseconds(200)), milliseconds(1));
  for (int i = 0; i < 140; ++i) {
    const microseconds at = seconds(30) + i * seconds(5);
    const WallTime camera = session.wall_at(at) + minutes(7);
    session.report(1, at, at, camera);
    session.report(2, hours(50) + at, at, camera);
    const microseconds was = session.last().run_position - at;
    play_both(session, at, at + seconds(5), milliseconds(200));
    EXPECT_LE(abs(session.last().run_position - at - seconds(5) - was), microseconds(2'600));
  }
  EXPECT_LE(abs(session.last().run_position - (seconds(730) - kFrame / 2)), milliseconds(11));
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_LE(abs(*session.timeline().camera_clock_skew() - minutes(7)), milliseconds(1));
}

TEST(Timeline, Cam20_AbsurdSenderReportsMoveNothing) {
  Session session;
  play_both(session, seconds(0), seconds(30), milliseconds(200));
  const microseconds before = session.last().run_position - seconds(30);
  const std::vector<WallTime> absurd = {WallTime(seconds(0)), WallTime(seconds(2'085'978'496)),
                                        kMidnight + hours(24 * 365 * 50), WallTime::max(),
                                        WallTime::min()};
  for (int i = 0; i < 60; ++i) {
    const microseconds at = seconds(30 + i);
    session.report(1, at, at, absurd[static_cast<std::size_t>(i / 12)]);
    session.report(2, hours(50) + at, at, absurd[static_cast<std::size_t>(i / 12)]);
    play_both(session, at, at + seconds(1), milliseconds(200));
  }
  EXPECT_EQ(session.last().run_position - seconds(90), before);
  EXPECT_EQ(session.timeline().camera_clock_skew(), std::nullopt);
}

TEST(Timeline, Cam20_ReportsThatDisagreeWithEachOtherMoveNothing) {
  Session session;
  play_both(session, seconds(0), seconds(30), milliseconds(200));
  const microseconds before = session.last().run_position - seconds(30);
  for (int i = 0; i < 60; ++i) {
    const microseconds at = seconds(30 + i);
    session.report(1, at, at, session.wall_at(at) + i % 3 * milliseconds(400));
    session.report(2, hours(50) + at, at, session.wall_at(at));
    play_both(session, at, at + seconds(1), milliseconds(200));
  }
  EXPECT_EQ(session.last().run_position - seconds(90), before);
}

TEST(Timeline, Cam22_JumpsOfSoundPlaceItAnewAndLeaveThePictureAlone) {
  Session session;
  play_both(session, seconds(0), seconds(10), microseconds(0));
  std::int64_t before = session.last().track_ticks;
  for (int i = 0; i < 100; ++i) {
    session.video(seconds(10) + i * kFrame, seconds(10) + i * kFrame);
    session.audio(hours(i % 7), seconds(10) + i * kFrame);
    EXPECT_GT(session.last().track_ticks, before);
    before = session.last().track_ticks;
  }
  EXPECT_EQ(session.runs(), kOneRun);
  EXPECT_LE(abs(session.last().run_position - (seconds(10) + 99 * kFrame)), milliseconds(100));
}

TEST(Timeline, TheCamerasDriftIsMeasured) {
  Session session;
  for (int second = 0; second < 600; ++second) {
    session.video(seconds(second) + microseconds(second * 150), seconds(second));
  }
  EXPECT_NEAR(session.timeline().media_drift_ppm().value(), 150, 15);
}

TEST(Timeline, UncertaintyShrinksOnceAnchored) {
  Session session;
  session.video(seconds(0), seconds(0));
  EXPECT_GE(session.timeline().uncertainty(), seconds(1));
  session.play(kFrame, seconds(5), kFrame);
  EXPECT_LE(session.timeline().uncertainty(), milliseconds(50));
}

}  // namespace
}  // namespace longtake::media
