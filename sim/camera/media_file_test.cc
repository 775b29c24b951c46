#include "sim/camera/media_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

const std::string kMedia = LONGTAKE_SOURCE_DIR "/sim/media/";

MediaFilePtr load(const std::string& video, const std::string& audio = {}) {
  return MediaFile::load(kMedia + video, audio.empty() ? audio : kMedia + audio).value();
}

std::size_t count_keys(const MediaFile& media) {
  std::size_t keys = 0;
  for (const Picture& picture : media.pictures) keys += picture.is_key ? 1 : 0;
  return keys;
}

TEST(MediaFile, FindsEveryPictureAndKeyOfAnOrdinaryFile) {
  const auto media = load("front.h264");
  EXPECT_EQ(media->pictures.size(), 150U);
  EXPECT_EQ(count_keys(*media), 5U);
}

TEST(MediaFile, ReadsTheAudioBesideIt) {
  const auto media = load("front.h264", "front.aac");
  ASSERT_TRUE(media->audio);
  EXPECT_EQ(media->audio->rate_hz, 48000U);
  EXPECT_EQ(media->audio->channels, 1U);
  EXPECT_EQ(media->audio->config, (Bytes{std::byte{0x11}, std::byte{0x88}}));
}

TEST(MediaFile, ReadsThePresentationOrderOfBFrames) {
  const auto media = load("reorder.h264");
  ASSERT_EQ(media->pictures.size(), 60U);
  EXPECT_EQ(media->pictures[0].reorder, 0);
  EXPECT_EQ(media->pictures[1].reorder, 2);
  EXPECT_EQ(media->pictures[2].reorder, -1);
}

TEST(MediaFile, AlternatesTheGopsOfTwoFiles) {
  const auto both = MediaFile::alternate(load("front.h264"), load("small.h264"));
  EXPECT_EQ(both->pictures.size(), 2U * 5U * 30U);
  EXPECT_EQ(count_keys(*both), 10U);
}

TEST(MediaFile, NamesTheFileThatIsNotThere) {
  const auto missing = MediaFile::load(kMedia + "nothing.h264", "");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("nothing.h264"));
}

TEST(MediaFile, RefusesAFileThatIsNoH264) {
  const auto wrong = MediaFile::load(kMedia + "front.aac", "");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(), testing::HasSubstr("Annex B"));
}

}  // namespace
}  // namespace longtake::camsim
