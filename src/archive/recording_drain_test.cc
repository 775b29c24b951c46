#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/disk_bench.h"

// What a recording's writer makes of a disk that fails, is full, or is another one.
namespace longtake::archive {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Kind = base::FileCall::Kind;

TEST(RecordingWriter, Host13_WritesAgainIntoANewFileWhatAFailedSyncPutInDoubt) {
  DiskBench bench;
  bench.record(4);
  const WallTime promised = bench.recording->live().load()->durable_until;
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSyncData ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(1);
  bench.files.set_script({});
  EXPECT_EQ(bench.recording->live().load()->durable_until, promised);
  bench.record(3);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(2));
  EXPECT_TRUE(closed[0].is_recovered);
  EXPECT_EQ(closed[0].spans, (std::vector<TimeRange>{{bench.first, promised}}));
}

TEST(RecordingWriter, Host13_NeverSyncsAFailedFileAgain) {
  DiskBench bench;
  bench.record(2);
  std::vector<std::string> synced;
  bool has_failed = false;
  bench.files.set_script([&](const base::FileCall& call) {
    if (call.kind != Kind::kSyncData) return base::Fault{};
    synced.emplace_back(call.path);
    return std::exchange(has_failed, true) ? base::Fault{} : fail_with(ErrorCode::kDataLoss);
  });
  bench.record(5);
  ASSERT_GE(synced.size(), 2U);
  EXPECT_EQ(std::ranges::count(synced, synced.front()), 1);
}

/// Ten seconds of picture, then two that begin the next segment, and the first one's last sync fails while the second's
/// succeeds: what is durable now has a hole in it.
struct FailedFileBehindADurableOne : testing::Test {
  FailedFileBehindADurableOne() {
    bench.camera = BenchCamera(media::RunId{5U << 24U | 1U}, bench.first, /*has_audio=*/false);
    bench.record(8);
    durable = bench.camera.now();
    bench.submit(4);
    bench.write();
    const std::string failed = bench.segment_files().front();
    bench.files.set_script([failed](const base::FileCall& call) {
      return call.kind == Kind::kSync && call.path == failed ? fail_with(ErrorCode::kDataLoss)
                                                             : base::Fault{};
    });
    bench.commit();
    bench.files.set_script({});
  }
  DiskBench bench;
  WallTime durable;
};

TEST_F(FailedFileBehindADurableOne, Host13_IsNotCalledDurableWhileItIsBeingWrittenAgain) {
  EXPECT_EQ(bench.recording->live().load()->durable_until, durable);
  std::uint64_t writes = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind != Kind::kWrite || !call.path.ends_with(".mp4")) return fault;
    fault.before = [&, number = ++writes] {
      if (number > 4)
        return;  // summary and mfra of the durable one, then init and first fragment of the new one
      bench.commit();  // on a thread of its own it may come at any moment
      EXPECT_EQ(bench.recording->live().load()->durable_until, durable) << "write " << number;
    };
    return fault;
  });
  bench.write();
  EXPECT_GT(writes, 4U);
  bench.files.set_script({});
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST_F(FailedFileBehindADurableOne, Host13_IsWrittenAgainIntoAFileThatHoldsNothingElse) {
  bench.write();  // before anything new comes
  bench.record(8);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  for (const store::SegmentClosed& closed : bench.facts.of<store::SegmentClosed>()) {
    EXPECT_THAT(closed.spans, SizeIs(1)) << media::to_string(closed.segment);
  }
}

TEST(RecordingWriter, Host13_SoundThatCannotBeWrittenAgainBesideItsPictureIsGivenUpOnce) {
  DiskBench bench;
  bench.record(9);
  // The commit comes between the last picture and its sound, and the last sync of the file fails.
  std::string file;
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind != Kind::kWrite || !call.path.ends_with(".mp4")) return fault;
    if (std::exchange(file, call.path).empty()) return fault;
    fault.before = [&] {
      bench.files.set_script({});
      bench.commit();
    };
    return fault;
  });
  bench.submit(1);
  bench.write();
  bench.submit(2);
  bench.write();
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSync && call.path == file ? fail_with(ErrorCode::kDataLoss)
                                                         : base::Fault{};
  });
  bench.commit();
  bench.files.set_script({});
  bench.record(20);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  EXPECT_LE(bench.segment_files().size(), 6U);
  const auto degraded = bench.facts.of<store::DegradedNoted>();
  ASSERT_THAT(degraded, SizeIs(1));
  EXPECT_EQ(degraded[0].reason, media::Reason::kAudioLost);
  EXPECT_EQ(degraded[0].range, (TimeRange{bench.first + seconds(9), bench.first + seconds(10)}));
  EXPECT_EQ(bench.budget.held_bytes(), 0U);
}

TEST(RecordingWriter, Host08_LooksAtTheSpaceAlsoWhileMoreComesThanItCanWrite) {
  DiskBench bench;
  std::uint64_t looks = 0;
  int writes = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == Kind::kSpace) ++looks;
    if (call.kind == Kind::kWrite && call.path.ends_with(".mp4") && ++writes < 400) {
      fault.before = [&] { bench.submit(1); };  // in each call as much comes as it writes
    }
    return fault;
  });
  bench.submit(1);
  bench.write();  // one pass, over minutes
  EXPECT_GE(writes, 400);
  EXPECT_GE(looks, 3U);
}

/// The first file of a day fails before its first commit; a second one takes its place.
void expect_kept_after_a_power_cut(base::FileCall::Kind kind, std::uint64_t number) {
  DiskBench bench;
  std::uint64_t seen = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    const bool is_it = call.kind == kind && call.path.ends_with(".mp4") && ++seen == number;
    return is_it ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(4);
  EXPECT_GE(seen, number);
  const WallTime promised = bench.recording->live().load()->durable_until;
  EXPECT_GT(promised, bench.first);
  bench.memory.power_cut();
  EXPECT_THAT(bench.recorded().holes({bench.first, promised}), IsEmpty());
}

TEST(RecordingWriter, Host03_KeepsADayWhoseFirstFileCouldNotBeWritten) {
  expect_kept_after_a_power_cut(Kind::kWrite, 2);  // the first is its init's
}

TEST(RecordingWriter, Host03_KeepsADayWhoseFirstFileCouldNotBeSynced) {
  expect_kept_after_a_power_cut(Kind::kSync, 1);
}

TEST(RecordingWriter, Host13_RemovesAFileOfWhichNothingWasDurable) {
  DiskBench bench;
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSync ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(1);
  bench.files.set_script({});
  bench.record(3);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  ASSERT_THAT(bench.facts.of<store::SegmentDeleted>(), SizeIs(1));
  EXPECT_THAT(bench.facts.of<store::SegmentDeleted>()[0].spans, IsEmpty());
  EXPECT_THAT(bench.purged, SizeIs(1));
}

TEST(RecordingWriter, Host13_TellsWhatItHadToForgetBeforeTheSyncFailed) {
  DiskBench bench;
  for (int i = 0; i < 30; ++i) {  // no commit: half of it is only in the file
    bench.submit(1);
    bench.write();
  }
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSync ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.commit();
  bench.files.set_script({});
  for (int i = 0; i < 10; ++i) bench.record(1);
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges());
  ASSERT_FALSE(bench.facts.of<store::GapNoted>().empty());
  EXPECT_EQ(bench.facts.of<store::GapNoted>()[0].reason, media::Reason::kDiskError);
}

TEST(RecordingWriter, Host13_StopsWritingAfterAFailedFolderSyncUntilAProbeSucceeds) {
  DiskBench bench;
  bench.record(2);
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSyncDirectory ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.camera.start_run(
      media::RunId{5U << 24U | 2U});  // a new file, whose folder cannot be synced
  bench.record(3);
  EXPECT_EQ(bench.health.state(), VolumeHealth::State::kSick);
  bench.files.set_script({});
  bench.record(8);
  EXPECT_EQ(bench.health.state(), VolumeHealth::State::kHealthy);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, Host13_ProbesASickDiskAndTellsWhatWasLostMeanwhile) {
  DiskBench bench;
  bench.record(3);
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kWrite || call.kind == Kind::kOpen ? fail_with(ErrorCode::kDataLoss)
                                                                 : base::Fault{};
  });
  bench.record(60);
  EXPECT_EQ(bench.health.state(), VolumeHealth::State::kSick);
  bench.files.set_script({});
  bench.record(10);
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges());
  EXPECT_LE(bench.told_missing().total(),
            seconds(60 - 15 + 8));  // up to 5 s until the probe, and a GOP
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kDiskError);
  }
}

TEST(RecordingWriter, Host08_GoesOnInTheSameFileWhenASpaceComesBackInTime) {
  DiskBench bench;
  bench.record(3);
  bench.memory.set_capacity(1000);
  bench.record(8);
  EXPECT_EQ(bench.health.state(), VolumeHealth::State::kFull);
  bench.memory.set_capacity(1ULL << 40U);
  bench.record(6);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, Host09_TellsExactlyWhatAFullDiskCost) {
  DiskBench bench;
  bench.record(3);
  bench.memory.set_capacity(1000);
  bench.record(60);
  bench.memory.set_capacity(1ULL << 40U);
  bench.record(5);
  EXPECT_EQ(bench.health.state(), VolumeHealth::State::kHealthy);
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges());
  EXPECT_LE(bench.told_missing().total(), seconds(60 - 15 + 3));
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kDiskFull);
  }
}

TEST(RecordingWriter, Host15_WritesNothingWhileAnotherVolumeIsMounted) {
  DiskBench bench;
  bench.record(3);
  bench.health.on_missing(Error(ErrorCode::kFailedPrecondition, "another volume"));
  std::uint64_t writes = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    if (call.kind == Kind::kWrite || call.kind == Kind::kOpen || call.kind == Kind::kMakeDirectory)
      ++writes;
    return base::Fault{};
  });
  bench.record(20);
  EXPECT_EQ(writes, 0U);
  bench.health.on_found();
  bench.record(2);
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges());
  EXPECT_EQ(bench.facts.of<store::GapNoted>()[0].reason, media::Reason::kVolumeMissing);
}

TEST(RecordingWriter, MakesTheDayFolderAnewWhenSomebodyRemovedIt) {
  DiskBench bench;
  bench.record(10);
  ASSERT_TRUE(bench.finish());
  for (const std::string& path : bench.segment_files())
    ASSERT_TRUE(bench.memory.remove(path).has_value());
  ASSERT_TRUE(bench.memory.remove_directory(base::join_path(bench.folder.path, to_day(bench.first)))
                  .has_value());
  const WallTime again = bench.camera.now();
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  EXPECT_THAT(bench.recorded().holes({again, bench.camera.now()}), IsEmpty());
}

TEST(RecordingWriter, GivesUpAFragmentThatNoFileCanHoldAndGoesOn) {
  DiskBench bench;
  bench.record(2);
  PendingFragment absurd = bench.camera.next().fragments.front();
  absurd.duration_ticks = -5;
  for (PendingFragment::Sample& sample : absurd.samples) sample.composition_ticks = UINT32_MAX;
  const TimeRange lost = absurd.covered();
  bench.recording->submit(std::move(absurd));
  bench.record(2);
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.told_missing().ranges(), std::vector<TimeRange>{lost});
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), std::vector<TimeRange>{lost});
}

/// Asks, whenever a segment is told to be closed, what the recording says of it at that moment.
class AskingFacts final : public store::FactSink {
 public:
  void append(store::Fact fact) override {
    const auto* closed = std::get_if<store::SegmentClosed>(&fact);
    if (closed == nullptr || !closed->is_recovered) return;
    ++cut;
    EXPECT_THAT(recording->closed_segments(), testing::Not(testing::Contains(closed->segment)));
  }
  RecordingWriter* recording = nullptr;
  int cut = 0;
};

// invariant A10: what is called closed is forgotten as soon as the catalog has all facts, on another thread than the one
// that cuts.
TEST(RecordingWriter, Host13_CallsAFailedFileClosedOnlyWhenTheLedgerWasTold) {
  DiskBench bench;
  AskingFacts facts;
  const auto recording =
      std::make_shared<RecordingWriter>(bench.folder, bench.disk, facts, [] {}, [] {});
  facts.recording = recording.get();
  bench.writer.add(recording);
  bench.recording = recording;
  bench.record(3);
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSyncData ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(1);
  bench.files.set_script({});
  bench.record(3);
  EXPECT_EQ(facts.cut, 1);
}

}  // namespace
}  // namespace longtake::archive
