#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "media/item.h"
#include "rtsp/sdp.h"
#include "rtsp/track_receiver.h"

namespace longtake::rtsp {

/// A track to be set up.
struct PlannedTrack {
  std::string description;  // "video/H264"
  std::string control_uri;  // for SETUP
  TrackReceiver receiver;
};

/// Which tracks of a session description are recorded: the first H.264 video and the first AAC
/// audio. The rest is reported and left alone.
///
/// Limits     looks at limits::kTracksPerSession descriptions; further ones are skipped and
///            reported as one.
struct TrackPlan {
  std::vector<PlannedTrack> tracks;  // in the order of the description
  std::vector<media::SkippedTrack> skipped;
  std::string aggregate_uri;  // for PLAY and TEARDOWN
};
TrackPlan plan_tracks(const SessionDescription& session, std::string_view base_uri,
                      media::ItemSink& sink);

/// Fit for a request line: printable ASCII without blanks.
bool is_plain_uri(std::string_view uri);

}  // namespace longtake::rtsp
