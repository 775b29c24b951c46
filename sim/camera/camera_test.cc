#include "sim/camera/camera.h"

#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

using namespace std::chrono_literals;

constexpr SimTime kStart{1000h};
constexpr std::chrono::microseconds kWall{1'767'225'600'000'000};

// 15 pictures a second, a key picture each 2 s.
class CameraTest : public testing::Test {
 protected:
  static PacketizedMediaPtr media(const std::string& name) {
    const std::string folder = LONGTAKE_SOURCE_DIR "/sim/media/";
    return packetize(MediaFile::load(folder + name, folder + "front.aac").value(), {});
  }
  std::int32_t ticks_between(std::uint64_t first, std::uint64_t second) {
    return static_cast<std::int32_t>(camera_.picture(second).rtp_timestamp -
                                     camera_.picture(first).rtp_timestamp);
  }

  Camera camera_{"front", media("front.h264"), {15, 1}, kStart, kWall, 0us, 1};
};

TEST_F(CameraTest, TakesPicturesByTheClockWhetherWatchedOrNot) {
  EXPECT_EQ(camera_.pictures_until(kStart - 1us), 0U);
  EXPECT_EQ(camera_.pictures_until(kStart), 1U);
  EXPECT_EQ(camera_.pictures_until(kStart + 999ms), 15U);
  EXPECT_EQ(camera_.pictures_until(kStart + 24h), 24U * 3600U * 15U + 1U);
  EXPECT_EQ(camera_.pictures_until(camera_.time_of(1234)), 1235U);
}

TEST_F(CameraTest, SpacesTimestampsAndWallTimesByThePicture) {
  EXPECT_EQ(ticks_between(0, 1), 6000);
  EXPECT_EQ(ticks_between(149, 150), 6000);  // over the end of the file
  EXPECT_EQ(camera_.picture(15).wall_time - camera_.picture(0).wall_time, 1s);
}

TEST_F(CameraTest, FindsKeyPicturesOnBothSides) {
  EXPECT_EQ(camera_.next_key_from(31), 60U);
  EXPECT_EQ(camera_.last_key_until(31), 30U);
}

TEST_F(CameraTest, SendsPresentationTimesOfReorderedPictures) {
  Camera reordered("b", media("reorder.h264"), {15, 1}, kStart, kWall, 0us, 1);
  const auto ticks = [&](std::uint64_t n) { return reordered.picture(n).rtp_timestamp; };
  EXPECT_EQ(ticks(1) - ticks(0), 18000U);
  EXPECT_EQ(ticks(2) - ticks(0), 6000U);
}

TEST_F(CameraTest, Cam25_TakesMorePicturesAtSpeedButKeepsTheirSpacing) {
  camera_.set_speed(10, kStart);
  EXPECT_EQ(camera_.pictures_until(kStart + 1s), 151U);
  EXPECT_EQ(ticks_between(20, 21), 6000);
}

TEST_F(CameraTest, Cam11_WrapsTheTimestampAfterTheTimeAskedFor) {
  camera_.approach_wrap(1s, kStart);
  EXPECT_EQ(camera_.picture(1).rtp_timestamp, 0U - 90000U);
  EXPECT_EQ(camera_.picture(16).rtp_timestamp, 0U);
}

TEST_F(CameraTest, Cam18_JumpsBetweenOnePictureAndTheNext) {
  camera_.jump(-1h, kStart + 1s);
  EXPECT_EQ(ticks_between(16, 17), 6000);
  EXPECT_EQ(camera_.pictures_until(kStart + 1s), 16U);
  const auto before = Camera("front", media("front.h264"), {15, 1}, kStart, kWall, 0us, 1)
                          .picture(15)
                          .rtp_timestamp;
  EXPECT_EQ(static_cast<std::int32_t>(camera_.picture(16).rtp_timestamp - before),
            6000 - 324'000'000);
}

TEST_F(CameraTest, Cam18_SaysWhatItIsToldToSay) {
  camera_.set_timestamps(TimestampMode::kZero, kStart);
  EXPECT_EQ(camera_.picture(7).rtp_timestamp, 0U);
  camera_.set_timestamps(TimestampMode::kConstant, kStart);
  EXPECT_EQ(ticks_between(7, 9), 0);
  camera_.set_timestamps(TimestampMode::kBackward, kStart);
  EXPECT_EQ(ticks_between(7, 8), -6000);
}

TEST_F(CameraTest, Cam19_RunsItsMediaClockWrong) {
  camera_.set_media_rate(1.2, kStart);
  EXPECT_EQ(ticks_between(1, 2), 7200);
}

TEST_F(CameraTest, Cam14_PlaysAnotherFileFromTheNextPicture) {
  camera_.switch_media(media("small.h264"), kStart + 1s);
  EXPECT_TRUE(camera_.picture(16).is_key);
  EXPECT_NE(camera_.picture(16).picture->nal_units[0].size(), 0U);
  EXPECT_EQ(camera_.media()->file->name, "small.h264");
  EXPECT_FALSE(camera_.picture(15).is_key);
}

TEST_F(CameraTest, Cam16_WithholdsKeyPicturesForAWhile) {
  camera_.withhold_keys(4s, kStart + 1s);
  EXPECT_FALSE(camera_.picture(30).is_key);
  EXPECT_FALSE(camera_.picture(60).is_key);
  EXPECT_TRUE(camera_.picture(90).is_key);
  EXPECT_EQ(camera_.next_key_from(31), 31U);
}

TEST_F(CameraTest, AudioRunsBesideTheVideo) {
  EXPECT_EQ(camera_.audio_until(kStart + 1s),
            47U);  // 46.875 frames of 1,024 samples at 48 kHz, and the first
  EXPECT_EQ(camera_.audio_at_picture(15), 47U);
  EXPECT_EQ(camera_.audio(470)->rtp_timestamp - camera_.audio(0)->rtp_timestamp, 470U * 1024U);
}

TEST_F(CameraTest, Cam22_AudioGoesOnAtAnotherRate) {
  const std::string folder = LONGTAKE_SOURCE_DIR "/sim/media/";
  camera_.switch_media(
      packetize(MediaFile::load(folder + "small.h264", folder + "voice.aac").value(), {}),
      kStart + 1s);
  EXPECT_EQ(camera_.audio_until(kStart + 3s) - camera_.audio_until(kStart + 2s),
            16U);  // 15.6 a second at 16 kHz
}

}  // namespace
}  // namespace longtake::camsim
