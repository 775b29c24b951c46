#include "rtsp/camera.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/manual_executor.h"
#include "rtsp/fake_network.h"
#include "rtsp/test_support.h"

namespace longtake::rtsp {
namespace {

using media::Reason;

const std::string kSdp =
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=" +
    std::string(test::kSprop) + "\r\na=control:trackID=1\r\n";

/// The driver in virtual time against a camera that answers at once.
class CameraTest : public testing::Test {
 protected:
  CameraTest() {
    network_.sdp = kSdp;
    auto url = parse_camera_url("rtsp://user:canary@cam/main");
    camera_ = std::make_unique<Camera>(
        CameraConfig{
            .name = "front", .url = url->url, .username = url->username, .password = url->password},
        executor_, network_, buffer_, gate_, random_, base::null_logger(), sink_);
  }

  void start() {
    camera_->start();
    executor_.run_for(milliseconds(100));
  }
  void send_picture(std::size_t size = 20) {
    ++sequence_;
    network_.deliver(test::frame(
        0, test::rtp_packet(
               {.sequence = sequence_, .timestamp = sequence_ * 6000U, .has_marker = true},
               test::idr(size))));
    executor_.run_ready();
  }
  void play_for(nanoseconds span, std::size_t picture_bytes = 20) {
    for (nanoseconds step = milliseconds(50); span > nanoseconds(0); span -= step) {
      send_picture(picture_bytes);
      executor_.run_for(step);
    }
  }
  std::vector<std::string> reasons() const {
    std::vector<std::string> out;
    for (const auto& ended : sink_.all<media::SessionEnded>())
      out.emplace_back(to_string(ended.reason));
    return out;
  }
  /// Seconds between the tries to connect.
  std::vector<double> waits() const {
    std::vector<double> out;
    for (std::size_t i = 1; i < network_.attempts.size(); ++i) {
      out.push_back(
          std::chrono::duration<double>(network_.attempts[i].at - network_.attempts[i - 1].at)
              .count());
    }
    return out;
  }

  base::ManualClock clock_;
  base::ManualExecutor executor_{clock_};
  test::FakeNetwork network_{executor_};
  ReceiveBuffer buffer_;
  HandshakeGate gate_;
  base::SeededRandom random_{5};
  test::RecordingSink sink_;
  std::unique_ptr<Camera> camera_;
  std::uint16_t sequence_ = 0;
};

TEST_F(CameraTest, RecordsWhatTheCameraSends) {
  start();
  EXPECT_TRUE(camera_->status()->connected);
  send_picture();
  send_picture();
  EXPECT_EQ(sink_.units().size(), 2U);
  EXPECT_EQ(sink_.units()[1]->payload, test::sample_of({test::idr()}));
}

TEST_F(CameraTest, Sec13_ShowsAUrlWithoutItsLogin) {
  EXPECT_EQ(camera_->status()->url, "rtsp://cam/main");
}

TEST_F(CameraTest, KeepsTheBeginningOfAFrameUntilTheRestComes) {
  start();
  const Bytes frame = test::frame(
      0, test::rtp_packet({.sequence = 1, .timestamp = 1, .has_marker = true}, test::idr()));
  for (const std::byte byte : frame) {
    network_.deliver({&byte, 1});
    executor_.run_ready();
  }
  EXPECT_EQ(sink_.units().size(), 1U);
}

TEST_F(CameraTest, Cam01_ReportsADropAtOnceAndIsBackWithinASecond) {
  start();
  play_for(seconds(2));
  const MonotonicTime last_picture = sink_.units().back()->received;
  network_.close();
  executor_.run_ready();
  const auto ended = sink_.all<media::SessionEnded>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].reason, Reason::kCameraDisconnected);
  EXPECT_EQ(ended[0].at, last_picture);
  EXPECT_FALSE(camera_->status()->connected);
  executor_.run_for(seconds(1));
  EXPECT_TRUE(camera_->status()->connected);
  EXPECT_EQ(camera_->status()->reconnects, 1U);
}

TEST_F(CameraTest, Cam01_DeliversEveryWholePictureBeforeTheDrop) {
  start();
  for (int i = 0; i < 10; ++i) {
    ++sequence_;
    const Bytes frame = test::frame(
        0, test::rtp_packet(
               {.sequence = sequence_, .timestamp = sequence_ * 6000U, .has_marker = true},
               test::idr()));
    network_.deliver(frame);
  }
  network_.close();
  executor_.run_ready();
  EXPECT_EQ(sink_.units().size(), 10U);
}

TEST_F(CameraTest, Cam01_NoticesAReset) {
  start();
  play_for(seconds(2));
  network_.reset();
  executor_.run_ready();
  EXPECT_EQ(reasons(), std::vector<std::string>{"camera_disconnected"});
}

TEST_F(CameraTest, Cam01_WaitsLongerFromTryToTryUpToTenSeconds) {
  network_.connect_error = Error(ErrorCode::kUnavailable, "connection refused");
  camera_->start();
  executor_.run_for(seconds(120));
  const auto waited = waits();
  ASSERT_GE(waited.size(), 10U);
  EXPECT_LE(waited[0], 1.0);
  for (std::size_t i = 5; i < waited.size(); ++i) {
    EXPECT_GE(waited[i], 5.0);
    EXPECT_LE(waited[i], 10.0);
  }
}

TEST_F(CameraTest, ReportsAReasonOnceAndAgainWhenItChanges) {
  network_.connect_error = Error(ErrorCode::kUnavailable, "connection refused");
  camera_->start();
  executor_.run_for(seconds(30));
  EXPECT_EQ(reasons(), std::vector<std::string>{"camera_disconnected"});
  network_.connect_error = Error(ErrorCode::kNotFound, "no such host");
  executor_.run_for(seconds(30));
  EXPECT_EQ(reasons(), (std::vector<std::string>{"camera_disconnected", "dns_failed"}));
  EXPECT_NE(camera_->status()->last_error->find("no such host; next try in"), std::string::npos);
}

TEST_F(CameraTest, Cam28_ResolvesTheNameAtEveryTry) {
  network_.connect_error = Error(ErrorCode::kUnavailable, "connection refused");
  camera_->start();
  executor_.run_for(seconds(5));
  ASSERT_GE(network_.attempts.size(), 2U);
  for (const auto& attempt : network_.attempts) EXPECT_EQ(attempt.to.host, "cam");
}

TEST_F(CameraTest, Cam05_TriesWrongCredentialsOnceAMinute) {
  network_.password_refused = "Digest realm=\"r\", nonce=\"n\"";
  camera_->start();
  executor_.run_for(seconds(59));
  EXPECT_EQ(network_.attempts.size(), 1U);
  EXPECT_EQ(network_.methods.size(), 2U);  // without and with credentials
  EXPECT_EQ(reasons(), std::vector<std::string>{"auth_failed"});
  executor_.run_for(seconds(2));
  EXPECT_EQ(network_.attempts.size(), 2U);
}

TEST_F(CameraTest, Cam05_RecoversWithinAMinuteAfterTheFix) {
  network_.password_refused = "Digest realm=\"r\", nonce=\"n\"";
  start();
  network_.password_refused.clear();
  executor_.run_for(seconds(61));
  EXPECT_TRUE(camera_->status()->connected);
  EXPECT_EQ(camera_->status()->last_error, std::nullopt);
}

TEST_F(CameraTest, Cam02_ReconnectsAfterFiveSecondsOfSilence) {
  start();
  play_for(seconds(2));
  executor_.run_for(milliseconds(5200));
  EXPECT_EQ(reasons(), std::vector<std::string>{"camera_stalled"});
  EXPECT_EQ(network_.count("TEARDOWN"), 1U);
  executor_.run_for(seconds(1));
  EXPECT_TRUE(camera_->status()->connected);
}

TEST_F(CameraTest, Cam03_GivesUpOnACameraThatAnswersNothing) {
  network_.is_silent = true;
  camera_->start();
  executor_.run_for(milliseconds(10'300));
  EXPECT_EQ(reasons(), std::vector<std::string>{"camera_timeout"});
}

TEST_F(CameraTest, Cam27_ShakesHandsWithEightCamerasAtATime) {
  network_.never_connects = true;
  std::vector<std::unique_ptr<Camera>> cameras;
  for (int i = 0; i < 20; ++i) {
    auto url = parse_camera_url("rtsp://cam/main");
    cameras.push_back(std::make_unique<Camera>(
        CameraConfig{.name = "c", .url = url->url, .username = "", .password = {}}, executor_,
        network_, buffer_, gate_, random_, base::null_logger(), sink_));
    cameras.back()->start();
  }
  executor_.run_ready();
  EXPECT_EQ(network_.attempts.size(), 8U);
  cameras.erase(cameras.begin(), cameras.begin() + 3);
  executor_.run_ready();
  EXPECT_EQ(network_.attempts.size(), 11U);
  // Hosts that are switched off do not keep the others waiting for their whole time-out.
  executor_.run_for(seconds(1));
  EXPECT_EQ(network_.attempts.size(), 19U);
}

TEST_F(CameraTest, Host19_EndsTheSessionAfterThisProcessWasFrozen) {
  start();
  play_for(seconds(2));
  clock_.advance(seconds(30));
  send_picture();
  const auto ended = sink_.all<media::SessionEnded>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].reason, Reason::kProcessStalled);
  EXPECT_EQ(ended[0].at, sink_.units().back()->received);
  executor_.run_for(seconds(1));
  EXPECT_TRUE(camera_->status()->connected);
}

TEST_F(CameraTest, Host19_TakesATickThatIsALittleLateForWhatItIs) {
  start();
  play_for(seconds(2));
  clock_.advance(milliseconds(4900));
  send_picture();
  EXPECT_TRUE(sink_.all<media::SessionEnded>().empty());
}

TEST_F(CameraTest, IsWokenByTwoAndAHalfTicksOfItsRateAtOnce) {
  start();
  play_for(seconds(3), 10'000);
  const std::size_t mark = network_.connection()->low_water_mark;
  EXPECT_GT(mark, 37'500U);
  EXPECT_LE(mark, 50'250U);
}

TEST_F(CameraTest, FetchesWhatStaysBelowTheLowWaterMarkAtTheNextTick) {
  start();
  play_for(seconds(3), 10'000);
  const std::size_t units = sink_.units().size();
  send_picture(20);
  executor_.run_for(milliseconds(200));
  EXPECT_EQ(sink_.units().size(), units + 1);
}

TEST_F(CameraTest, StopsWithATearDown) {
  start();
  play_for(seconds(1));
  bool is_done = false;
  camera_->stop([&] { is_done = true; });
  EXPECT_FALSE(is_done);
  executor_.run_ready();
  EXPECT_TRUE(is_done);
  EXPECT_EQ(network_.count("TEARDOWN"), 1U);
  EXPECT_EQ(network_.connection(), nullptr);
  EXPECT_EQ(reasons(), std::vector<std::string>{"operator_stop"});
}

TEST_F(CameraTest, StopsWithinASecondWhenTheCameraDoesNotAnswer) {
  start();
  network_.is_silent = true;
  bool is_done = false;
  camera_->stop([&] { is_done = true; }, Reason::kConfigChange);
  executor_.run_for(milliseconds(900));
  EXPECT_FALSE(is_done);
  executor_.run_for(milliseconds(200));
  EXPECT_TRUE(is_done);
  EXPECT_EQ(reasons(), std::vector<std::string>{"config_change"});
}

TEST_F(CameraTest, StopsAtOnceWhileWaitingToTryAgain) {
  network_.connect_error = Error(ErrorCode::kUnavailable, "connection refused");
  start();
  bool is_done = false;
  camera_->stop([&] {
    camera_.reset();
    is_done = true;
  });
  executor_.run_for(seconds(30));
  EXPECT_TRUE(is_done);
  EXPECT_LE(network_.attempts.size(), 2U);
}

TEST_F(CameraTest, MayBeDestroyedAtAnyMoment) {
  camera_->start();
  camera_.reset();
  executor_.run_for(seconds(1));
  EXPECT_TRUE(network_.attempts.empty());
}

TEST_F(CameraTest, CountsOverAllSessions) {
  start();
  play_for(seconds(2));
  const auto packets = camera_->status()->packets_received;
  network_.close();
  executor_.run_for(seconds(1));
  play_for(seconds(2));
  executor_.run_for(seconds(1));
  EXPECT_EQ(camera_->status()->packets_received, 80U);
  EXPECT_LT(packets, 80U);
}

TEST_F(CameraTest, Cam25_KeepsEveryPictureOfABurst) {
  start();
  for (int i = 0; i < 1000; ++i) {
    ++sequence_;
    network_.deliver(test::frame(
        0, test::rtp_packet(
               {.sequence = sequence_, .timestamp = sequence_ * 6000U, .has_marker = true},
               test::idr(2000))));
  }
  executor_.run_ready();
  executor_.run_for(seconds(1));
  EXPECT_EQ(sink_.units().size(), 1000U);
}

}  // namespace
}  // namespace longtake::rtsp
