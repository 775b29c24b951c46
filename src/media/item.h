#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "media/access_unit.h"
#include "media/reason.h"
#include "media/track.h"

/// What travels from a camera's session to its recording: the one small interface between them, and later the links
/// of a graph.
namespace longtake::media {

/// A track the camera offers and we do not record, with the reason in words: "video/H266: unknown codec".
struct SkippedTrack {
  std::string description;
};

/// PLAY was answered: media may follow. `tracks` are those set up; a config whose parameter sets are not yet known
/// comes later as a TrackConfigPtr, before that track's first unit.
struct SessionStarted {
  MonotonicTime at;
  std::vector<TrackKind> kinds;
  std::vector<SkippedTrack> skipped;
};

/// The track's RTP sender restarted (SSRC change) inside the session: its times start anew.
struct SourceChanged {
  TrackId track = 0;
  MonotonicTime at;
};

/// RTCP sender report: the camera's own wall clock at an RTP time of a track. Hearsay; judged by the timeline.
struct SenderReport {
  TrackId track = 0;
  MediaTime rtp_time;  // unwrapped as the track's units are
  WallTime camera_wall;
  MonotonicTime received;
};

/// Packets known to be missing (sequence numbers), or units dropped for a reason that damages but does not end.
struct Damage {
  TrackId track = 0;
  Reason reason = Reason::kPacketLoss;
  std::uint64_t count = 0;  // packets, or units for reasons other than packet loss
  MonotonicTime at;
};

/// No session now: why, in the closed list and in words for the operator. Repeated when the reason changes while
/// attempts go on (camera_disconnected, then auth_failed). `at` is when the last byte of media came, or now.
struct SessionEnded {
  Reason reason = Reason::kCameraDisconnected;
  std::string detail;
  MonotonicTime at;
};

/// A session lives but gives nothing to record: waiting for a key frame, or only unsupported tracks.
struct Waiting {
  Reason reason = Reason::kNoKeyframe;
  MonotonicTime at;
};

/// Order: SessionStarted, then per track its config before its units, then SessionEnded.
using Item = std::variant<SessionStarted, TrackConfigPtr, AccessUnitPtr, SourceChanged,
                          SenderReport, Damage, Waiting, SessionEnded>;

/// Thread     called on the session's shard, and only there; must not block.
class ItemSink {
 public:
  virtual ~ItemSink() = default;
  virtual void on_item(const Item& item) = 0;
};

}  // namespace longtake::media
