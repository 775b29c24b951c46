#include "archive/segment_writer.h"

#include <gtest/gtest.h>

#include "archive/disk_bench.h"
#include "isobmff/reader.h"
#include "isobmff/verify.h"

namespace longtake::archive {
namespace {

using Kind = base::FileCall::Kind;

constexpr media::RecordingId kRecording{7};
constexpr media::SegmentId kSegment{media::RunId{9}, 3};
constexpr const char* kPath = "9-3.mp4";

struct SegmentWriterTest : testing::Test {
  SegmentWriterTest() : files(memory), camera(media::RunId{9}, WallTime(seconds(1'000'000))) {}

  std::unique_ptr<SegmentWriter> create(const PendingFragment& first) {
    auto made = SegmentWriter::create(files, kPath, kRecording, kSegment, first);
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message());
    return made ? std::move(*made) : nullptr;
  }
  std::unique_ptr<SegmentWriter> write(int seconds_count) {
    std::unique_ptr<SegmentWriter> writer;
    for (int i = 0; i < seconds_count; ++i) {
      for (const PendingFragment& fragment : camera.next().fragments) {
        if (!writer) writer = create(fragment);
        EXPECT_EQ(writer->append(fragment).culprit, SegmentWriter::Culprit::kNone);
      }
    }
    return writer;
  }
  isobmff::Verdict verdict() {
    auto file = memory.open(kPath, base::OpenMode::kRead);
    EXPECT_TRUE(file.has_value());
    auto verified = isobmff::verify(**file);
    EXPECT_TRUE(verified.has_value());
    return *verified;
  }

  base::MemoryFileSystem memory;
  base::FaultyFileSystem files;
  BenchCamera camera;
};

TEST_F(SegmentWriterTest, WritesAClosedFileThatTheJudgeFindsNothingWrongWith) {
  const auto writer = write(10);
  ASSERT_TRUE(writer->finish().has_value());
  const isobmff::Verdict judged = verdict();
  EXPECT_TRUE(judged.is_closed);
  EXPECT_TRUE(judged.findings.empty()) << judged.findings.front().what;
  EXPECT_EQ(judged.index.fragments, writer->index().fragments);
  EXPECT_EQ(judged.index.spans(),
            (std::vector<TimeRange>{{WallTime(seconds(1'000'000)), WallTime(seconds(1'000'010))}}));
}

TEST_F(SegmentWriterTest, BeginsEveryFileAtMediaTimeZeroWhereverItsRunIs) {
  for (int i = 0; i < 100; ++i) static_cast<void>(camera.next());
  const auto writer = write(2);
  ASSERT_EQ(writer->index().fragments.size(), 4U);
  EXPECT_EQ(writer->index().fragments[0].media_start_ticks, 0);
  EXPECT_EQ(writer->index().fragments[1].media_start_ticks, 0);
  EXPECT_EQ(writer->index().fragments[2].media_start_ticks, 90'000);
  EXPECT_EQ(writer->index().fragments[3].media_start_ticks, 48'000);
  EXPECT_EQ(writer->index().fragments[2].run_offset_us, 101'000'000);
}

TEST_F(SegmentWriterTest, FlagsAFileThatBeginsOffKeyWhoeverCutItThere) {
  camera.seconds_a_gop = 10;
  static_cast<void>(camera.next());
  const auto writer = write(2);
  EXPECT_TRUE(writer->index().fragments[0].is_off_key);
  EXPECT_FALSE(writer->index().fragments[2].is_off_key);
}

TEST_F(SegmentWriterTest, PutsSoundThatBeganBeforeTheCutAtZero) {
  const BenchCamera::Second second = camera.next();
  const auto writer = create(second.fragments[0]);
  ASSERT_EQ(writer->append(second.fragments[0]).culprit, SegmentWriter::Culprit::kNone);
  PendingFragment sound = second.fragments[1];
  sound.run_ticks -= 1024;
  ASSERT_EQ(writer->append(sound).culprit, SegmentWriter::Culprit::kNone);
  EXPECT_EQ(writer->index().fragments[1].media_start_ticks, 0);
}

TEST_F(SegmentWriterTest, ReservesAheadAndGivesTheRestBackAtTheEnd) {
  const auto writer = write(3);
  EXPECT_GE(memory.status(kPath)->allocated_bytes, 4U * 1024 * 1024);
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_EQ(memory.status(kPath)->allocated_bytes, memory.status(kPath)->size_bytes);
}

TEST_F(SegmentWriterTest, GoesOnWhereTheFileSystemCannotReserve) {
  files.set_script([](const base::FileCall& call) {
    if (call.kind != Kind::kReserve) return base::Fault{};
    return base::Fault{Error(ErrorCode::kFailedPrecondition, "not supported"), {}, {}};
  });
  const auto writer = write(3);
  EXPECT_TRUE(writer->is_reserve_unsupported());
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_TRUE(verdict().findings.empty());
}

TEST_F(SegmentWriterTest, Host08_WritesTheSameFragmentAgainAfterAShortWrite) {
  const auto writer = write(1);
  const BenchCamera::Second second = camera.next();
  files.set_script([](const base::FileCall& call) {
    if (call.kind != Kind::kWrite) return base::Fault{};
    return base::Fault{Error(ErrorCode::kResourceExhausted, "no space"), 150, {}};
  });
  EXPECT_EQ(writer->append(second.fragments[0]).culprit, SegmentWriter::Culprit::kDisk);
  files.set_script({});
  for (const PendingFragment& fragment : second.fragments) {
    EXPECT_EQ(writer->append(fragment).culprit, SegmentWriter::Culprit::kNone);
  }
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_TRUE(verdict().findings.empty());
  EXPECT_EQ(verdict().index.fragments.size(), 4U);
}

TEST_F(SegmentWriterTest, Host08_EndsWithItsLastFragmentWhereThereIsNoRoomForASummary) {
  const auto writer = write(2);
  files.set_script([](const base::FileCall& call) {
    if (call.kind != Kind::kWrite) return base::Fault{};
    return base::Fault{Error(ErrorCode::kResourceExhausted, "no space"), 20, {}};
  });
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_EQ(writer->size_bytes(), writer->index().end_bytes());
  const isobmff::Verdict judged = verdict();
  EXPECT_FALSE(judged.is_closed);
  EXPECT_TRUE(judged.findings.empty());
}

TEST_F(SegmentWriterTest, RefusesAFragmentOfATrackThatTheFileDoesNotHave) {
  const auto writer = write(1);
  PendingFragment stray = camera.next().fragments[0];
  stray.track = 5;
  EXPECT_EQ(writer->append(stray).culprit, SegmentWriter::Culprit::kFragment);
  ASSERT_TRUE(writer->finish().has_value());
  EXPECT_TRUE(verdict().findings.empty());
}

TEST_F(SegmentWriterTest, LeavesNothingBehindWhenTheFileCannotBeBegun) {
  files.set_script([](const base::FileCall& call) {
    if (call.kind != Kind::kWrite) return base::Fault{};
    return base::Fault{Error(ErrorCode::kDataLoss, "EIO"), {}, {}};
  });
  const auto made =
      SegmentWriter::create(files, kPath, kRecording, kSegment, camera.next().fragments[0]);
  EXPECT_FALSE(made.has_value());
  EXPECT_EQ(memory.status(kPath).error().code(), ErrorCode::kNotFound);
}

TEST_F(SegmentWriterTest, NeverWritesIntoAFileThatIsAlreadyThere) {
  ASSERT_TRUE(memory.open(kPath, base::OpenMode::kCreateNew).has_value());
  const auto made =
      SegmentWriter::create(files, kPath, kRecording, kSegment, camera.next().fragments[0]);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code(), ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace longtake::archive
