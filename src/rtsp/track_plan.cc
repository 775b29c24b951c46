#include "rtsp/track_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "rtsp/text.h"
#include "rtsp/url.h"

namespace longtake::rtsp {

namespace {

constexpr media::TrackId kVideoTrack = 1;
constexpr media::TrackId kAudioTrack = 2;
constexpr std::uint32_t kVideoClockRateHz =
    90'000;  // RFC 6184 §8.2.1; some cameras leave rtpmap's rate out

bool has_track(const TrackPlan& plan, media::TrackKind kind) {
  return std::ranges::any_of(plan.tracks,
                             [kind](const auto& track) { return track.receiver.kind() == kind; });
}

TrackReceiver make_video(const MediaDescription& media, media::ItemSink& sink) {
  const std::uint32_t rate = media.clock_rate_hz == 0 ? kVideoClockRateHz : media.clock_rate_hz;
  H264Depacketizer depacketizer(kVideoTrack, rate, sink);
  depacketizer.take_sprop_parameter_sets(
      media.format_parameter("sprop-parameter-sets").value_or(""));
  return {kVideoTrack, media::TrackKind::kVideo, media.payload_type,
          rate,        std::move(depacketizer),  sink};
}

Result<TrackReceiver> make_audio(const MediaDescription& media, media::ItemSink& sink) {
  LT_ASSIGN(AacDepacketizer::Format format, AacDepacketizer::read_format(media));
  return TrackReceiver(kAudioTrack, media::TrackKind::kAudio, media.payload_type,
                       media.clock_rate_hz, AacDepacketizer(kAudioTrack, std::move(format), sink),
                       sink);
}

/// The receiver for a track we can record, or why not.
Result<TrackReceiver> make_receiver(const MediaDescription& media, const TrackPlan& plan,
                                    media::ItemSink& sink) {
  if (media.kind == "video" && equals_ignoring_case(media.encoding, "H264")) {
    if (has_track(plan, media::TrackKind::kVideo))
      return fail(ErrorCode::kInvalidArgument, "a second video track");
    return make_video(media, sink);
  }
  if (media.kind == "audio" && equals_ignoring_case(media.encoding, "MPEG4-GENERIC")) {
    if (has_track(plan, media::TrackKind::kAudio))
      return fail(ErrorCode::kInvalidArgument, "a second audio track");
    return make_audio(media, sink);
  }
  return fail(ErrorCode::kInvalidArgument, "unknown codec");
}

}  // namespace

bool is_plain_uri(std::string_view uri) {
  return std::ranges::all_of(uri, [](char c) { return c > ' ' && c <= '~'; });
}

TrackPlan plan_tracks(const SessionDescription& session, std::string_view base_uri,
                      media::ItemSink& sink) {
  TrackPlan plan;
  plan.aggregate_uri = is_plain_uri(session.control) ? resolve_control(base_uri, session.control)
                                                     : std::string(base_uri);
  std::size_t looked_at = 0;
  for (const MediaDescription& media : session.media) {
    const auto skip = [&](std::string_view why) {
      plan.skipped.push_back({fmt::format("{}: {}", media.description(), why)});
    };
    if (++looked_at > limits::kTracksPerSession) {
      plan.skipped.push_back({fmt::format("{} more: at most {} tracks are looked at",
                                          session.media.size() - limits::kTracksPerSession,
                                          limits::kTracksPerSession)});
      break;
    }
    if (!is_plain_uri(media.control)) {
      skip("its control address cannot be used");
      continue;
    }
    auto receiver = make_receiver(media, plan, sink);
    if (!receiver) {
      skip(receiver.error().message());
      continue;
    }
    // A track without an address of its own in a session of one is addressed by the aggregate (RFC
    // 2326 §C.2).
    plan.tracks.push_back(
        {media.description(), resolve_control(base_uri, media.control), std::move(*receiver)});
  }
  return plan;
}

}  // namespace longtake::rtsp
