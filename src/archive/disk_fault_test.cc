#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "archive/disk_bench.h"
#include "isobmff/reader.h"

// Every call into the file system fails once, and after every call the power goes once.
namespace longtake::archive {
namespace {

using testing::IsEmpty;
using Kind = base::FileCall::Kind;

/// Three segments of ten seconds.
constexpr int kSeconds = 25;
constexpr unsigned kBadDisks = 200;

std::uint64_t calls_of_one_recording() {
  DiskBench bench;
  bench.files.set_script({});
  bench.record(kSeconds);
  EXPECT_TRUE(bench.finish());
  return bench.files.calls();
}

/// invariant A6: nothing that was called durable is missing, whatever happened.
void expect_kept(DiskBench& bench, WallTime promised, std::uint64_t number) {
  const media::TimeRanges recorded = bench.recorded();
  const media::TimeRanges told = bench.told_missing();
  for (const TimeRange& hole : recorded.holes({bench.first, std::max(promised, bench.first)})) {
    EXPECT_THAT(told.holes(hole), IsEmpty())
        << "after call " << number << " of " << kSeconds << " s: promised until "
        << longtake::to_string(promised) << ", missing from " << longtake::to_string(hole.start);
  }
}

/// A disk that fails now and then, and commits that come between any two calls of the writer.
void expect_explained_on_a_bad_disk(unsigned seed) {
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed + 1);
  DiskBench bench;
  bench.camera.seconds_a_gop = 1 + seed % 3;
  bench.camera.seconds_a_segment = 6;
  bool is_bad = true;
  int depth = 0;
  WallTime promised;
  const auto promise = [&] {
    promised = std::max(promised, bench.recording->live().load()->durable_until);
  };
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (!is_bad) return fault;
    if (random() % 40 == 0) {
      fault.error = Error(random() % 4 == 0 ? ErrorCode::kResourceExhausted : ErrorCode::kDataLoss,
                          "injected");
    }
    if (depth == 0 && call.kind == Kind::kWrite && call.path.ends_with(".mp4") &&
        random() % 4 == 0) {
      fault.before = [&] {
        ++depth;
        bench.commit();
        promise();
        --depth;
      };
    }
    return fault;
  });
  for (int i = 0; i < 60; ++i) {
    bench.submit(1 + static_cast<int>(random() % 2));
    if (random() % 5 != 0) bench.write();
    if (random() % 3 != 0) bench.commit();
    promise();
    if (random() % 20 == 0) bench.recording->finish_segment();
  }
  is_bad = false;
  if (seed % 2 == 1) {
    bench.memory.power_cut();
    expect_kept(bench, promised, 0);
    return;
  }
  bench.record(10);
  promise();
  ASSERT_TRUE(bench.finish());
  EXPECT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges());
  EXPECT_THAT(bench.recorded_twice(), IsEmpty());
  expect_kept(bench, promised, 0);
  EXPECT_EQ(bench.budget.held_bytes(), 0U);
  // A file whose making failed, and its removal too, holds nothing: recovery's.
  const auto is_footage = [&](const std::string& path) {
    const auto file = bench.memory.open(path, base::OpenMode::kRead);
    const auto walk = isobmff::walk(**file, isobmff::Check::kAll);
    return walk && !walk->index.fragments.empty();
  };
  EXPECT_EQ(bench.facts.of<store::SegmentClosed>().size(),
            std::ranges::count_if(bench.segment_files(), is_footage));
}

TEST(BadDisk, Host13_ExplainsEverythingWhateverFailsWhen) {
  for (unsigned seed = 0; seed < kBadDisks; ++seed) {
    expect_explained_on_a_bad_disk(seed);
    ASSERT_FALSE(HasFailure());
  }
}

struct NthFailure : testing::TestWithParam<ErrorCode> {};

TEST_P(NthFailure, Host13_OfAnyCallLosesNothingAndRecordingGoesOn) {
  const std::uint64_t calls = calls_of_one_recording();
  ASSERT_GT(calls, 100U);
  for (std::uint64_t number = 1; number <= calls; ++number) {
    DiskBench bench;
    Kind kind{};
    bench.files.set_script([&](const base::FileCall& call) {
      if (call.number != number) return base::Fault{};
      kind = call.kind;
      return base::Fault{Error(GetParam(), "injected"), {}, {}};
    });
    bench.record(kSeconds + 15);
    ASSERT_TRUE(bench.finish()) << "call " << number << ", kind " << static_cast<int>(kind);
    media::TimeRanges all;
    all.add(bench.submitted());
    ASSERT_EQ(bench.recorded(), all) << "call " << number << ", kind " << static_cast<int>(kind);
    ASSERT_THAT(bench.recorded_twice(), IsEmpty()) << "call " << number;
    ASSERT_THAT(bench.told_missing().ranges(), IsEmpty()) << "call " << number;
    // Each file is told to the ledger, and nothing else is.
    ASSERT_EQ(bench.facts.of<store::SegmentClosed>().size(), bench.segment_files().size())
        << "call " << number;
    ASSERT_EQ(bench.facts.of<store::SegmentOpened>().size(),
              bench.facts.of<store::SegmentClosed>().size() +
                  bench.facts.of<store::SegmentDeleted>().size());
  }
}

INSTANTIATE_TEST_SUITE_P(Host, NthFailure,
                         testing::Values(ErrorCode::kDataLoss, ErrorCode::kResourceExhausted,
                                         ErrorCode::kPermissionDenied),
                         [](const auto& chosen) {
                           return std::string(longtake::to_string(chosen.param));
                         });

TEST(NthFailureFromThen, Host13_OnOfAnyCallTellsExactlyWhatIsLost) {
  const std::uint64_t calls = calls_of_one_recording();
  for (std::uint64_t number = 1; number <= calls; number += 3) {
    DiskBench bench;
    WallTime promised;
    bool is_broken = true;
    bench.files.set_script([&](const base::FileCall& call) {
      if (!is_broken || call.number < number) return base::Fault{};
      return base::Fault{Error(ErrorCode::kDataLoss, "injected"), {}, {}};
    });
    for (int i = 0; i < kSeconds + 20; ++i) {
      bench.record(1);
      promised = std::max(promised, bench.recording->live().load()->durable_until);
    }
    is_broken = false;
    bench.record(10);
    ASSERT_TRUE(bench.finish()) << "call " << number;
    ASSERT_EQ(bench.recorded().holes(bench.submitted()), bench.told_missing().ranges())
        << "call " << number;
    ASSERT_THAT(bench.recorded_twice(), IsEmpty()) << "call " << number;
    expect_kept(bench, promised, number);
  }
}

TEST(PowerCut, Host03_AfterAnyCallLosesNothingThatWasCalledDurable) {
  const std::uint64_t calls = calls_of_one_recording();
  for (std::uint64_t number = 1; number <= calls; ++number) {
    DiskBench bench;
    bool is_dark = false;
    bench.files.set_script([&](const base::FileCall& call) {
      if (is_dark) return base::Fault{Error(ErrorCode::kDataLoss, "no power"), {}, {}};
      if (call.number < number) return base::Fault{};
      is_dark = true;
      return base::Fault{
          Error(ErrorCode::kDataLoss, "no power"), {}, [&] { bench.memory.power_cut(); }};
    });
    WallTime promised;
    WallTime seen;
    for (int i = 0; i < kSeconds && !is_dark; ++i) {
      seen = bench.camera.now();
      bench.record(1);
      if (!is_dark) promised = std::max(promised, bench.recording->live().load()->durable_until);
    }
    expect_kept(bench, promised, number);
    // invariant A5: what the ledger calls closed is there, whole.
    for (const store::SegmentClosed& closed : bench.facts.of<store::SegmentClosed>()) {
      const std::string path = segment_path(bench.folder.path, closed.day, closed.segment);
      const auto file = bench.memory.open(path, base::OpenMode::kRead);
      ASSERT_TRUE(file.has_value()) << path << " after call " << number;
      ASSERT_EQ(*(*file)->size(), closed.size_bytes);
      const auto walk = isobmff::walk(**file, isobmff::Check::kAll);
      ASSERT_TRUE(walk.has_value());
      ASSERT_EQ(walk->index.spans(), closed.spans);
    }
  }
}

TEST(PowerCut, Host13_SoonAfterACallThatFailedLosesNothingThatWasCalledDurable) {
  const std::uint64_t calls = calls_of_one_recording();
  for (std::uint64_t number = 1; number <= calls; ++number) {
    for (const int seconds_later : {0, 1, 2, 6}) {
      DiskBench bench;
      bool has_failed = false;
      bench.files.set_script([&](const base::FileCall& call) {
        if (call.number != number) return base::Fault{};
        has_failed = true;
        return base::Fault{Error(ErrorCode::kDataLoss, "injected"), {}, {}};
      });
      while (!has_failed && bench.camera.now() < bench.first + seconds(kSeconds)) bench.record(1);
      bench.record(seconds_later);
      const WallTime promised = bench.recording->live().load()->durable_until;
      bench.memory.power_cut();
      expect_kept(bench, promised, number);
      ASSERT_FALSE(HasFailure()) << "cut " << seconds_later << " s after call " << number;
    }
  }
}

TEST(PowerCut, Host04_LosesAtMostTheCommitWindowAndTheOpenFragment) {
  for (int cut_after = 1; cut_after < 30; ++cut_after) {
    DiskBench bench;
    bench.record(cut_after);
    bench.submit(1);
    bench.write();
    bench.memory.power_cut();
    media::TimeRanges lost;
    for (const TimeRange& hole : bench.recorded().holes(bench.submitted())) lost.add(hole);
    ASSERT_LE(lost.total(), seconds(1)) << "cut after " << cut_after << " s";
  }
}

}  // namespace
}  // namespace longtake::archive
