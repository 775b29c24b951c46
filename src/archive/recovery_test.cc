#include "archive/recovery.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/life_bench.h"

namespace longtake::archive {
namespace {

using media::Reason;
using testing::IsEmpty;
using testing::SizeIs;
using Kind = base::FileCall::Kind;

/// Each call after the first that matches fails, and what was not synced is gone.
base::FaultyFileSystem::Script power_cut_at(World& world, std::uint64_t number) {
  return [&world, number](const base::FileCall& call) {
    base::Fault fault;
    if (call.number < number) return fault;
    fault.error = Error(ErrorCode::kUnavailable, "no power");
    if (call.number == number) {
      world.is_dark = true;
      fault.before = [&world] { world.memory.power_cut(); };
    }
    return fault;
  };
}

void expect_promise_kept(World& world, Life& life, WallTime promised, const std::string& after) {
  media::TimeRanges recorded;
  for (const TimeRange& span : life.timeline().spans) recorded.add(span);
  const auto holes = recorded.holes({world.armed, std::max(promised, world.armed)});
  EXPECT_THAT(holes, IsEmpty()) << after << ", promised until " << longtake::to_string(promised)
                                << ", missing from "
                                << (holes.empty() ? "" : longtake::to_string(holes.front().start));
}

TEST(Recovery, Host01_ClosesWhatAKillLeftOpenAndCallsTheTimeBetweenACrash) {
  World world;
  WallTime killed;
  {
    auto life = Life::begin(world);
    life->record(15);
    killed = life->now();
  }
  world.clock.advance(seconds(20));
  auto life = Life::begin(world);
  const WallTime back = life->now();
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->scanned, 1U);
  EXPECT_EQ(report->closed, 1U);
  life->record(3);
  const media::TimelineAnswer answer = life->timeline();
  ASSERT_THAT(answer.gaps, SizeIs(1));
  EXPECT_EQ(answer.gaps[0].range, (TimeRange{killed, back}));
  EXPECT_EQ(answer.gaps[0].reason, Reason::kCrash);
  EXPECT_EQ(answer.spans, (std::vector<TimeRange>{{world.armed, killed}, {back, life->now()}}));
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a kill");
}

TEST(Recovery, Host01_ExplainsTheTimeBetweenAlsoWhenItComesAfterTheFirstFragments) {
  World world;
  WallTime killed;
  {
    auto life = Life::begin(world);
    life->record(15);
    killed = life->now();
  }
  world.clock.advance(seconds(20));
  auto life = Life::begin(world);
  const WallTime back = life->now();
  life->record(8);
  ASSERT_TRUE(life->recover().has_value());
  const media::TimelineAnswer answer = life->timeline();
  ASSERT_THAT(answer.gaps, SizeIs(1));
  EXPECT_EQ(answer.gaps[0].range, (TimeRange{killed, back}));
  EXPECT_EQ(answer.gaps[0].reason, Reason::kCrash);
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a kill, recovered late");
}

// The next life begins on a machine without a clock: in 1970.
TEST(Recovery, Host23_AnOrderlyStopBeforeALifeWithAWrongClockKeepsItsReason) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(15);
    ASSERT_TRUE(life->stop());
  }
  world.clock.step_wall(-world.clock.wall_now().time_since_epoch());
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover().has_value());
  const auto coverage =
      life->catalog()->coverage(life->folder().id, {world.armed, WallTime::max()});
  ASSERT_THAT(coverage->reasons, SizeIs(1));
  EXPECT_EQ(coverage->reasons[0].reason, Reason::kOperatorStop);
}

TEST(Recovery, Host23_ACrashBeforeALifeWithAWrongClockIsTheReasonFromWhereTheFootageEnds) {
  World world;
  WallTime killed;
  {
    auto life = Life::begin(world);
    life->record(15);
    killed = life->now();
  }
  world.clock.step_wall(-world.clock.wall_now().time_since_epoch());
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover().has_value());
  const auto coverage =
      life->catalog()->coverage(life->folder().id, {world.armed, WallTime::max()});
  ASSERT_THAT(coverage->reasons, SizeIs(1));
  EXPECT_EQ(coverage->reasons[0].reason, Reason::kCrash);
  EXPECT_EQ(coverage->reasons[0].range.start, killed);
}

TEST(Recovery, Host02_ScansNothingAfterAnOrderlyStop) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(15);
    ASSERT_TRUE(life->stop());
  }
  world.clock.advance(seconds(20));
  auto life = Life::begin(world);
  std::uint64_t media_reads = 0;
  world.files.set_script([&](const base::FileCall& call) {
    if (call.path.ends_with(".mp4")) ++media_reads;
    return base::Fault{};
  });
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->scanned, 0U);
  EXPECT_EQ(media_reads, 0U);
  life->record(2);
  const media::TimelineAnswer answer = life->timeline();
  ASSERT_THAT(answer.gaps, SizeIs(1));
  EXPECT_EQ(answer.gaps[0].reason, Reason::kOperatorStop);
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "an orderly stop");
}

TEST(Recovery, Host03_CallsTheTimeAfterAnotherBootAPowerLoss) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(12);
    life->record_undurably(1);
    world.cut_power();
  }
  world.restore_power();
  world.clock.advance(seconds(60));
  auto life = Life::begin(world);
  ASSERT_NE(life, nullptr);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value()) << report.error().message();
  const WallTime promised = world.promised;
  life->record(1);
  const media::TimelineAnswer answer = life->timeline();
  ASSERT_THAT(answer.gaps, SizeIs(1));
  EXPECT_EQ(answer.gaps[0].reason, Reason::kPowerLoss);
  expect_promise_kept(world, *life, promised, "a power cut");
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a power cut");
}

TEST(Recovery, Host05_KeepsTheLongestWholePrefixOfATornTail) {
  for (std::uint64_t torn_bytes = 1; torn_bytes < 3000; torn_bytes += 97) {
    World world;
    std::string path;
    std::uint64_t size = 0;
    {
      auto life = Life::begin(world);
      life->record(5);
      const RecordingFolder folder = life->folder();
      path = segment_path(folder.path, to_day(world.armed), {media::RunId{1U << 24U | 1U}, 1});
      size = world.memory.status(path)->size_bytes;
    }
    {
      const auto file = world.memory.open(path, base::OpenMode::kReadWrite);
      ASSERT_TRUE((*file)->truncate(size - torn_bytes).has_value());
    }
    auto life = Life::begin(world);
    const auto report = life->recover();
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->closed, 1U);
    ASSERT_TRUE(life->stop());
    expect_all_well(world, *life, fmt::format("{} bytes torn off", torn_bytes));
  }
}

TEST(Recovery, KeepsTheTailOfATornFileInQuarantine) {
  World world;
  std::string path;
  {
    auto life = Life::begin(world);
    life->record(3);
    path =
        segment_path(life->folder().path, to_day(world.armed), {media::RunId{1U << 24U | 1U}, 1});
  }
  {
    const auto file = world.memory.open(path, base::OpenMode::kReadWrite);
    const Bytes junk(777, std::byte{0x55});
    const ByteSpan parts[] = {junk};
    ASSERT_TRUE((*file)->write_at(*(*file)->size(), parts).has_value());
  }
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->quarantined, 1U);
  const auto kept = world.memory.list(kQuarantineFolder);
  ASSERT_THAT(*kept, SizeIs(1));
  EXPECT_EQ(world.memory.status(base::join_path(kQuarantineFolder, kept->front().name))->size_bytes,
            777U);
}

TEST(Recovery, KeepsAFileWithARottenHeadInQuarantineAndTellsTheCorruption) {
  World world;
  std::string path;
  WallTime killed;
  {
    auto life = Life::begin(world);
    life->record(9);
    killed = life->now();
    path =
        segment_path(life->folder().path, to_day(world.armed), {media::RunId{1U << 24U | 1U}, 1});
    world.clock.advance(seconds(30));
    ASSERT_TRUE(life->volume().beat().has_value());
  }
  for (std::uint64_t bit = 32; bit < 64; ++bit) world.memory.flip_bit(path, bit);
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->quarantined, 1U);
  life->record(2);
  const media::TimelineAnswer answer = life->timeline();
  ASSERT_FALSE(answer.gaps.empty());
  EXPECT_EQ(answer.gaps[0].reason, Reason::kCorruption);
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "rot in a head");
}

TEST(Recovery, RemovesAFileThatHoldsNoFragment) {
  World world;
  {
    auto life = Life::begin(world);
    world.files.set_script([](const base::FileCall& call) {
      // The init is written, the first fragment is not.
      base::Fault fault;
      if (call.kind == Kind::kWrite && call.path.ends_with(".mp4") && call.number > 12) {
        fault.error = Error(ErrorCode::kResourceExhausted, "full");
      }
      return fault;
    });
    life->record_undurably(1);
    world.files.set_script({});
    ASSERT_TRUE(life->store().flush(seconds(10)).has_value());
  }
  auto life = Life::begin(world);
  ASSERT_TRUE(life->recover().has_value());
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a file without a fragment");
}

TEST(Recovery, FindsAFileThatTheLedgerNeverHeardOf) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(3);
  }
  // As if the ledger's last words had not reached the disk.
  const std::string folder =
      list_recordings(world.memory)->front().path + "/" + to_day(world.armed);
  ASSERT_TRUE(
      world.memory.rename(folder + "/1000001-1.mp4", folder + "/1000001-2.mp4").has_value());
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->scanned, 2U);      // the one the ledger knows, which is gone, and the stranger
  EXPECT_EQ(report->quarantined, 1U);  // it says inside that it is another segment
}

TEST(Recovery, BuriesTheTombstonesOfAnInterruptedDeletion) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(25);
    ASSERT_TRUE(life->stop());
    const auto rows = life->catalog()->oldest_closed(life->folder().id, 1);
    life->store().append(store::SegmentDeleted{life->folder().id, rows->at(0).id,
                                               Reason::kRetention, rows->at(0).spans});
    ASSERT_TRUE(life->store().flush(seconds(10)).has_value());
  }
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->tombstones, 1U);
  ASSERT_TRUE(life->stop());
  EXPECT_EQ(life->timeline().gaps.at(0).reason, Reason::kRetention);
  expect_all_well(world, *life, "an interrupted deletion");
}

TEST(Recovery, Host13_RecordsNothingTwiceWhenItDiesBeforeAFailedFileIsCut) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(4);
    std::atomic<bool> has_failed{false};
    world.files.set_script([&](const base::FileCall& call) {
      base::Fault fault;
      const bool is_media = call.path.ends_with(".mp4");
      const bool is_sync = is_media && call.kind == Kind::kSyncData && !has_failed.exchange(true);
      if (is_sync || (is_media && call.kind == Kind::kTruncate)) {
        fault.error = Error(ErrorCode::kDataLoss, "injected");
      }
      return fault;
    });
    life->record(
        4);  // the last of the first four seconds' file is written again, into a second one
  }
  world.files.set_script({});
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->closed, 2U);
  ASSERT_TRUE(life->stop());
  expect_promise_kept(world, *life, world.armed + seconds(8), "a failed file left uncut");
  expect_all_well(world, *life, "a failed file left uncut");
}

TEST(Recovery, LeavesAFileThatCannotBeReadForTheNextStart) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(5);
  }
  {
    auto life = Life::begin(world);
    world.files.set_script([](const base::FileCall& call) {
      base::Fault fault;
      if (call.kind == Kind::kRead && call.path.ends_with(".mp4"))
        fault.error = Error(ErrorCode::kUnavailable, "EIO");
      return fault;
    });
    const auto report = life->recover();
    world.files.set_script({});
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->unreadable, 1U);
  }
  auto life = Life::begin(world);
  const auto report = life->recover();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->closed, 1U);
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a disk that did not answer");
}

TEST(Recovery, Host13_BeginsAnewWhenTheDiskFailedItOnTheWay) {
  World world;
  {
    auto life = Life::begin(world);
    life->record(5);
  }
  auto life = Life::begin(world);
  bool has_failed = false;
  world.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    // The walk over the files comes when the ledger's open segments are collected already.
    if (call.kind == Kind::kList && call.path == life->folder().path &&
        !std::exchange(has_failed, true))
      fault.error = Error(ErrorCode::kUnavailable, "EIO");
    return fault;
  });
  const auto report = life->recover(/*attempts=*/2);
  world.files.set_script({});
  EXPECT_TRUE(has_failed);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->scanned, 1U);
  EXPECT_EQ(report->closed, 1U);
  ASSERT_TRUE(life->stop());
  expect_all_well(world, *life, "a recovery that was tried twice");
}

// ---- Sweeps ----

constexpr int kFirstLife = 12;

TEST(PowerCutAndRecovery, Host04_AfterEveryCallOfALifeKeepsWhatWasPromised) {
  std::uint64_t calls = 0;
  {
    World world;
    auto life = Life::begin(world);
    world.files.set_script({});
    life->record(kFirstLife);
    ASSERT_TRUE(life->stop());
    calls = world.files.calls();
  }
  ASSERT_GT(calls, 60U);
  for (std::uint64_t number = 1; number <= calls; ++number) {
    World world;
    WallTime promised;
    {
      auto life = Life::begin(world);
      world.files.set_script(power_cut_at(world, number));
      for (int i = 0; i < kFirstLife && !world.is_dark; ++i) {
        promised = world.promised;
        life->record(1);
      }
      if (!world.is_dark) {
        promised = world.promised;
        life->stop();
      }
    }
    world.restore_power();
    world.promised = promised;
    world.clock.advance(seconds(30));
    auto life = Life::begin(world);
    ASSERT_NE(life, nullptr) << "call " << number;
    life->record(2);
    const auto report = life->recover();
    ASSERT_TRUE(report.has_value()) << "call " << number << ": " << report.error().message();
    EXPECT_EQ(report->unreadable, 0U);
    const std::string after = fmt::format("power cut at call {}", number);
    // The first life's promise, not this one's, which lies behind the downtime.
    expect_promise_kept(world, *life, promised, after);
    ASSERT_TRUE(life->stop());
    expect_all_well(world, *life, after);
    if (testing::Test::HasFailure()) return;
  }
}

struct RecoveryFault : testing::TestWithParam<bool> {};

TEST_P(RecoveryFault, Host13_AtEveryCallOfARecoveryIsMadeGoodByTheNext) {
  const bool is_power_cut = GetParam();
  const auto first_life = [](World& world) {
    auto life = Life::begin(world);
    life->record(kFirstLife);
    life->record_undurably(1);
  };
  std::uint64_t calls = 0;
  {
    World world;
    first_life(world);
    auto life = Life::begin(world);
    world.files.set_script({});
    ASSERT_TRUE(life->recover().has_value());
    calls = world.files.calls();
  }
  for (std::uint64_t number = 1; number <= calls; number += 2) {
    World world;
    first_life(world);
    const WallTime promised = world.promised;
    std::atomic<std::uint64_t> media_calls{0};
    {
      auto life = Life::begin(world);
      if (is_power_cut) {
        world.files.set_script(power_cut_at(world, number));
      } else {
        world.files.set_script([&](const base::FileCall& call) {
          base::Fault fault;
          // The ledger's own calls are the store's tests' business, and cost them seconds.
          if (call.path.starts_with(kLedgerFolder)) return fault;
          if (++media_calls == number) fault.error = Error(ErrorCode::kDataLoss, "injected");
          return fault;
        });
      }
      std::ignore = life->recover();
    }
    if (is_power_cut) {
      world.restore_power();
    } else {
      world.files.set_script({});
    }
    world.clock.advance(seconds(10));
    auto life = Life::begin(world);
    ASSERT_NE(life, nullptr) << "call " << number;
    const auto report = life->recover();
    ASSERT_TRUE(report.has_value()) << "call " << number << ": " << report.error().message();
    const std::string after =
        fmt::format("{} at call {} of a recovery", is_power_cut ? "power cut" : "failure", number);
    expect_promise_kept(world, *life, promised, after);
    ASSERT_TRUE(life->stop());
    expect_all_well(world, *life, after);
    if (testing::Test::HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Recovery, RecoveryFault, testing::Bool(), [](const auto& chosen) {
  return std::string(chosen.param ? "PowerCut" : "Failure");
});

}  // namespace
}  // namespace longtake::archive
