#include "archive/recording_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/disk_bench.h"
#include "isobmff/verify.h"

namespace longtake::archive {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Kind = base::FileCall::Kind;

base::Fault fail_with(ErrorCode code) { return {Error(code, "injected"), {}, {}}; }

void expect_all_recorded_once(DiskBench& bench) {
  media::TimeRanges all;
  all.add(bench.submitted());
  EXPECT_EQ(bench.recorded(), all);
  EXPECT_THAT(bench.recorded_twice(), IsEmpty());
  EXPECT_THAT(bench.told_missing().ranges(), IsEmpty());
}

TEST(RecordingWriter, WritesClosedSegmentsThatHoldEverySecondOnce) {
  DiskBench bench;
  bench.record(25);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(3));
  EXPECT_THAT(bench.facts.of<store::SegmentOpened>(), SizeIs(3));
  EXPECT_EQ(closed[1].segment.sequence, 2U);
  EXPECT_FALSE(closed[1].is_recovered);
  for (const std::string& path : bench.segment_files()) {
    const auto file = bench.memory.open(path, base::OpenMode::kRead);
    const auto verdict = isobmff::verify(**file);
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->is_closed);
    EXPECT_TRUE(verdict->findings.empty());
  }
}

TEST(RecordingWriter, SaysInTheLedgerWhatTheFileSaysOfItself) {
  DiskBench bench;
  bench.record(10);
  ASSERT_TRUE(bench.finish());
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed[0].spans, std::vector<TimeRange>{bench.submitted()});
  EXPECT_EQ(closed[0].size_bytes, bench.memory.status(bench.segment_files()[0])->size_bytes);
  EXPECT_EQ(closed[0].day, to_day(bench.first));
}

TEST(RecordingWriter, BeginsAnotherFileForAnotherRun) {
  DiskBench bench;
  bench.record(3);
  bench.camera.start_run(media::RunId{5U << 24U | 2U});
  bench.record(3);
  ASSERT_TRUE(bench.finish());
  const auto closed = bench.facts.of<store::SegmentClosed>();
  ASSERT_THAT(closed, SizeIs(2));
  EXPECT_EQ(closed[1].segment, (media::SegmentId{media::RunId{5U << 24U | 2U}, 1}));
}

TEST(RecordingWriter, ShowsEachFragmentAtOnceAndItsDurabilityAfterTheCommit) {
  DiskBench bench;
  bench.submit(2);
  bench.write();
  LiveRecordingPtr live = bench.recording->live().load();
  ASSERT_THAT(live->segments, SizeIs(1));
  EXPECT_EQ(live->segments[0].index->spans(), std::vector<TimeRange>{bench.submitted()});
  EXPECT_EQ(live->durable_until, WallTime{});
  bench.commit();
  live = bench.recording->live().load();
  EXPECT_EQ(live->durable_until, bench.camera.now());
  EXPECT_EQ(live->segments[0].durable_bytes, live->segments[0].index->end_bytes());
}

TEST(RecordingWriter, ShowsAClosedSegmentUntilTheCatalogListsIt) {
  DiskBench bench;
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  ASSERT_THAT(bench.recording->live().load()->segments, SizeIs(1));
  EXPECT_TRUE(bench.recording->live().load()->segments[0].is_closed);
  bench.recording->forget(bench.recording->closed_segments().at(0));
  EXPECT_THAT(bench.recording->live().load()->segments, IsEmpty());
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

TEST(RecordingWriter, LetsGoOfMediaOnceItIsDurable) {
  DiskBench bench;
  bench.record(5);
  EXPECT_EQ(bench.budget.held_bytes(), 0U);
  bench.submit(1);
  bench.write();
  EXPECT_GT(bench.budget.held_bytes(), 0U);
}

TEST(RecordingWriter, TellsWhoWaitsWhenAllIsClosedAndDurable) {
  DiskBench bench;
  bool is_done = false;
  bench.submit(3);
  bench.recording->finish_segment();
  bench.recording->on_settled([&] { is_done = true; });
  bench.commit();
  EXPECT_FALSE(is_done);
  bench.write();
  bench.commit();
  EXPECT_TRUE(is_done);
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

// ---- The disk stalls ----

TEST(RecordingWriter, Host12_LosesNothingInAStallOfTenSeconds) {
  DiskBench bench;
  bench.record(5);
  bench.submit(10);
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, Host12_LosesOfASixtySecondStallWhatTheRingCannotHoldAndTellsItExactly) {
  DiskBench bench;
  bench.record(5);
  bench.health.begin_call();  // the writer is stuck in a call
  bench.submit(60);
  bench.health.end_call();
  bench.write();
  bench.record(5);
  ASSERT_TRUE(bench.finish());
  const media::TimeRanges missing = bench.told_missing();
  EXPECT_GT(missing.total(), seconds(40));
  EXPECT_LE(missing.total(), seconds(60 - 15 + 2));
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), missing.ranges());
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kDiskStall);
  }
  EXPECT_THAT(bench.recorded_twice(), IsEmpty());
}

TEST(RecordingWriter, CallsADiskThatAnswersButTooSlowlyBackpressure) {
  DiskBench bench;
  bench.submit(30);
  bench.record(1);
  ASSERT_TRUE(bench.finish());
  ASSERT_FALSE(bench.facts.of<store::GapNoted>().empty());
  for (const store::GapNoted& gap : bench.facts.of<store::GapNoted>()) {
    EXPECT_EQ(gap.reason, media::Reason::kBackpressure);
  }
}

TEST(RecordingWriter, Host11_LosesNothingWhileSyncsTakeLongerThanTheRingButWritesGoThrough) {
  DiskBench bench;
  for (int i = 0; i < 120; ++i) {
    bench.submit(1);
    bench.write();  // and no commit for two minutes
  }
  bench.commit();
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

TEST(RecordingWriter, DropsOldestFirstWhenAllRingsTogetherAreTooLarge) {
  DiskBench bench(/*ring_budget_bytes=*/20'000);
  bench.submit(14);  // 3,000 bytes a second
  bench.record(1);
  ASSERT_TRUE(bench.finish());
  const media::TimeRanges missing = bench.told_missing();
  ASSERT_THAT(missing.ranges(), SizeIs(1));
  EXPECT_EQ(missing.ranges()[0].start, bench.first);
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), missing.ranges());
}

TEST(RecordingWriter, Host19_WritesWhatItHeldWhenTheProcessWasFrozen) {
  DiskBench bench;
  bench.record(3);
  bench.submit(5);
  bench.clock.advance(std::chrono::minutes(30));
  bench.record(2);
  ASSERT_TRUE(bench.finish());
  expect_all_recorded_once(bench);
}

// ---- The disk fails ----

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

TEST(Committer, SaysThatDurabilityIsDegradedWhenTheDiskIsSlowAndWidensItsInterval) {
  DiskBench bench;
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == Kind::kSync || call.kind == Kind::kSyncData) {
      fault.before = [&] { bench.clock.advance(seconds(2)); };
    }
    return fault;
  });
  bench.record(2);
  EXPECT_NE(bench.metrics.text().find("longtake_durability_degraded 1"), std::string::npos);
  bench.files.set_script({});
  bench.record(2);
  EXPECT_NE(bench.metrics.text().find("longtake_durability_degraded 0"), std::string::npos);
}

TEST(Committer, SyncsTheWholeFileSystemAtOnceWhereTheVolumeOwnsItsMount) {
  DiskBench bench(1ULL << 30U, {seconds(1), /*owns_mount=*/true});
  std::uint64_t file_syncs = 0;
  std::uint64_t whole_syncs = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    if (call.kind == Kind::kSyncData || call.kind == Kind::kSync) ++file_syncs;
    if (call.kind == Kind::kSyncFileSystem) ++whole_syncs;
    return base::Fault{};
  });
  bench.record(5);
  EXPECT_EQ(file_syncs, 0U);
  EXPECT_EQ(whole_syncs, 5U);
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

TEST(Committer, AsksEachFileWhenTheWholeFileSystemReportsAnError) {
  DiskBench bench(1ULL << 30U, {seconds(1), /*owns_mount=*/true});
  bench.record(2);
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSyncFileSystem ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(2);  // a stranger's error: our files answer for themselves
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

}  // namespace
}  // namespace longtake::archive
