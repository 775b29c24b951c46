#include <gtest/gtest.h>

#include <algorithm>

#include "isobmff/ffmpeg_judge.h"
#include "isobmff/index_text.h"
#include "isobmff/reader.h"

/// ffmpeg and ffprobe read every kind of segment and agree with what was put in: counts, PTS, DTS,
/// durations, pictures; and they have nothing to complain of.
namespace longtake::isobmff {
namespace {

struct Kind {
  std::string_view name;
  Recipe recipe;
};

class EveryKind : public testing::TestWithParam<Kind> {
 protected:
  TemporaryFolder folder_;
};

std::vector<Packet> first_of(const std::vector<Packet>& packets, std::size_t count) {
  return {packets.begin(),
          packets.begin() + static_cast<std::ptrdiff_t>(std::min(count, packets.size()))};
}

/// Names the first packet that differs.
testing::AssertionResult same(const std::vector<Packet>& seen,
                              const std::vector<Packet>& expected) {
  const auto [a, b] = std::ranges::mismatch(seen, expected);
  if (seen.size() == expected.size() && a == seen.end()) return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure() << seen.size() << " packets of " << expected.size()
                                             << "; packet " << a - seen.begin() << " is ";
  if (a != seen.end()) failure << *a;
  if (b != expected.end()) failure << " not " << *b;
  return failure;
}

/// When the last unit has been shown or heard.
double end_s(const std::vector<TimedUnit>& units, double timescale_hz) {
  std::int64_t end = 0;
  for (const TimedUnit& timed : units) {
    end = std::max(end, timed.dts + timed.unit.composition_ticks + timed.unit.duration_ticks);
  }
  return static_cast<double>(end) / timescale_hz;
}

TEST_P(EveryKind, IsReadByFfprobeAsItWasWritten) {
  const Media media = make_media(folder_, GetParam().recipe);
  TestSegment segment = mux(media);
  for (const bool is_closed : {false, true}) {
    if (is_closed) segment.close();
    const Judgement judgement = judge(folder_, segment.file());
    EXPECT_EQ(judgement.exit_code, 0);
    EXPECT_EQ(judgement.complaints, "");
    EXPECT_TRUE(same(judgement.video, packets_of(media.video)));
    EXPECT_TRUE(same(judgement.audio, packets_of(media.audio)));
    EXPECT_NEAR(judgement.duration_s,
                std::max(end_s(media.video, 90'000), end_s(media.audio, 48'000)), 0.05);
  }
}

TEST_P(EveryKind, IsDecodedToTheSamePictures) {
  const Media media = make_media(folder_, GetParam().recipe);
  TestSegment segment = mux(media);
  segment.close();
  write_bytes(folder_.path("ours.mp4"), segment.file());
  const auto pictures = decoded_pictures(folder_, folder_.path("ours.mp4"));
  EXPECT_EQ(pictures.size(), media.video.size());
  EXPECT_EQ(pictures, decoded_pictures(folder_, media.reference_path));
}

// Rule 5: what recovery leaves is a file like any other.
TEST_P(EveryKind, Rule5_CutAfterItsLastWholeFragmentIsReadWithoutAComplaint) {
  const Media media = make_media(folder_, GetParam().recipe);
  const TestSegment segment = mux(media);
  const auto& fragments = segment.index().fragments;
  for (const std::size_t torn : {std::size_t{1}, fragments.size() / 2, fragments.size() - 1}) {
    const ByteSpan damaged =
        ByteSpan(segment.file())
            .first(fragments[torn].offset_bytes + fragments[torn].size_bytes / 2);
    const Walk walked = walk(damaged, Check::kAll).value();
    ASSERT_EQ(walked.index.fragments.size(), torn);
    std::size_t video = 0;
    std::size_t audio = 0;
    for (const auto& entry : walked.index.fragments)
      (entry.track == 1 ? video : audio) += entry.sample_count;
    const Judgement judgement = judge(folder_, damaged.first(walked.stop_bytes));
    EXPECT_EQ(judgement.complaints, "");
    EXPECT_TRUE(same(judgement.video, first_of(packets_of(media.video), video)));
    EXPECT_TRUE(same(judgement.audio, first_of(packets_of(media.audio), audio)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Judge, EveryKind,
    testing::Values(Kind{"Ordinary", {}}, Kind{"OneLongGop", {.video = "-g 150 -bf 0"}},
                    Kind{"BFrames", {.video = "-g 30 -bf 2"}},
                    Kind{"EveryPictureAKeyFrame", {.video = "-g 1"}},
                    Kind{"BFramesInAPyramid",
                         {.video = "-g 45 -bf 3 -x264-params b-pyramid=normal"}}),
    [](const auto& kind) { return std::string(kind.param.name); });

// Rule 3: with negative offsets ffmpeg and Chromium shift video against audio by the reorder delay.
TEST(Judge, Rule3_BFramesStartWithTheirAudio) {
  const TemporaryFolder folder;
  const Media media = make_media(folder, {.video = "-g 30 -bf 2"});
  const Judgement judgement = judge(folder, mux(media).file());
  ASSERT_FALSE(judgement.video.empty() || judgement.audio.empty());
  EXPECT_EQ(judgement.video.front().dts, 0);
  EXPECT_EQ(judgement.video.front().pts, media.video.front().unit.composition_ticks);
  EXPECT_GT(judgement.video.front().pts, 0);
  EXPECT_EQ(judgement.audio.front().pts, media.audio.front().dts);
}

TEST(Judge, Rule1_ASecondFileOfARunIsNoLongerThanItIs) {
  const TemporaryFolder folder;
  const Media media = make_media(folder, {});
  // The run's offset is 700 s in these records (test_segment.cc); players see none of it.
  TestSegment segment = mux(media);
  segment.close();
  EXPECT_GE(segment.index().fragments.front().run_offset_us, 700'000'000);
  const Judgement judgement = judge(folder, segment.file());
  EXPECT_NEAR(judgement.start_s, 0, 0.05);
  EXPECT_NEAR(judgement.duration_s, 5, 0.1);
}

/// Files torn at the borders of pages, as a power cut tears them: cut off, or zeros from there.
class TornAtPages : public testing::TestWithParam<Kind> {
 protected:
  /// ffprobe opens the file: "error reading header" is the refusal of the whole file.
  static bool is_refused(const TemporaryFolder& folder, ByteSpan file) {
    const std::string path = folder.path("torn.mp4");
    write_bytes(path, file);
    return run_program(folder,
                       "ffprobe -v error -show_entries format=nb_streams -of csv=p=0 " + path)
               .out != "2\n";
  }
};

TEST_P(TornAtPages, Rule4_NoneIsRefused) {
  const TemporaryFolder folder;
  TestSegment segment = mux(make_media(folder, GetParam().recipe));
  segment.close();
  const Bytes& file = segment.file();
  std::size_t borders = 0;
  for (std::size_t at = kPageBytes; at < file.size(); at += kPageBytes, ++borders) {
    EXPECT_FALSE(is_refused(folder, ByteSpan(file).first(at))) << "cut at " << at;
    Bytes zeroed = file;
    std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(at), zeroed.end(), std::byte{0});
    EXPECT_FALSE(is_refused(folder, zeroed)) << "zeros from " << at;
  }
  EXPECT_GE(borders, 25u);
}

// The judge can say no: this is what the padding prevents.
TEST_F(TornAtPages, Rule4_AFileTornInsideAMoofIsRefusedWhole) {
  const TemporaryFolder folder;
  const TestSegment segment = mux(make_media(folder, {}));
  const auto& entry = segment.index().fragments[4];
  EXPECT_TRUE(is_refused(
      folder, ByteSpan(segment.file()).first(entry.offset_bytes + entry.record_bytes + 110)));
}

INSTANTIATE_TEST_SUITE_P(Judge, TornAtPages,
                         testing::Values(Kind{"Small",
                                              {.video = "-g 15 -bf 0 -b:v 20k",
                                               .size = "128x96",
                                               .audio_bit_rate = "16k",
                                               .seconds = 20}},
                                         Kind{"BFrames",
                                              {.video = "-g 15 -bf 2 -b:v 20k",
                                               .size = "128x96",
                                               .audio_bit_rate = "16k",
                                               .seconds = 20}}),
                         [](const auto& kind) { return std::string(kind.param.name); });

// For old_version_test.cc; run by hand, once for each version of the format. Never overwrites.
TEST(Judge, DISABLED_MakesTheFixtureOfThisVersion) {
  const TemporaryFolder folder;
  TestSegment segment = mux(make_media(
      folder,
      {.video = "-g 30 -bf 2 -b:v 40k", .size = "160x90", .audio_bit_rate = "16k", .seconds = 4}));
  segment.close();
  const std::string name = std::string(LONGTAKE_SOURCE_DIR) + "/src/isobmff/testdata/segment_v" +
                           std::to_string(kRecordVersion);
  ASSERT_FALSE(std::filesystem::exists(name + ".mp4"));
  write_bytes(name + ".mp4", segment.file());
  write_bytes(name + ".txt", as_bytes(index_text(segment.file(), segment.index())));
}

}  // namespace
}  // namespace longtake::isobmff
