#include "server/camera_metrics.h"

#include <gtest/gtest.h>

namespace longtake::server {
namespace {

TEST(CameraMetrics, SayWhatAnAlarmHangsOn) {
  std::vector<NamedCamera> cameras(2);
  cameras[0].name = "front";
  cameras[0].view.is_connected = true;
  cameras[0].view.reconnects = 3;
  cameras[0].view.packets_lost = 7;
  cameras[1].name = "back";
  std::vector<archive::RecordingStatus> recordings(2);
  recordings[0].name = "front";
  recordings[0].size_bytes = 12'345'678'901;
  recordings[0].last = *parse_wall_time("2026-01-31T12:00:00.500Z");
  recordings[1].name = "new";
  EXPECT_EQ(camera_metrics(cameras, recordings),
            R"(# HELP longtake_camera_connected Whether the session with the camera stands.
# TYPE longtake_camera_connected gauge
longtake_camera_connected{camera="front"} 1
longtake_camera_connected{camera="back"} 0
# HELP longtake_camera_reconnects_total Sessions begun anew since the camera was configured.
# TYPE longtake_camera_reconnects_total counter
longtake_camera_reconnects_total{camera="front"} 3
longtake_camera_reconnects_total{camera="back"} 0
# HELP longtake_camera_packets_lost_total RTP packets that never came, by their sequence numbers.
# TYPE longtake_camera_packets_lost_total counter
longtake_camera_packets_lost_total{camera="front"} 7
longtake_camera_packets_lost_total{camera="back"} 0
# HELP longtake_recording_bytes Bytes of the recording's segment files.
# TYPE longtake_recording_bytes gauge
longtake_recording_bytes{recording="front"} 12345678901
longtake_recording_bytes{recording="new"} 0
# HELP longtake_recording_last_timestamp_seconds End of the last picture recorded, in seconds since 1970.
# TYPE longtake_recording_last_timestamp_seconds gauge
longtake_recording_last_timestamp_seconds{recording="front"} 1769860800.5
)");
}

}  // namespace
}  // namespace longtake::server
