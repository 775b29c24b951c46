#include "playback/hls.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace longtake::playback {
namespace {

constexpr std::int64_t kLeastTargetSeconds = 6;
constexpr std::uint64_t kLeastBandwidth = 1000;

double seconds_of(microseconds duration) { return std::chrono::duration<double>(duration).count(); }

const TrackInit& init_of(const MediaList& list, const MediaPart& part, media::TrackKind kind) {
  const TrackSet& set = list.sets[part.set];
  return kind == media::TrackKind::kVideo ? set.video : set.audio;
}

/// Of a whole part, per second: the highest of all, and all together.
struct Bandwidth {
  std::uint64_t peak = kLeastBandwidth;
  std::uint64_t average = kLeastBandwidth;
};

Bandwidth bandwidth_of(const MediaList& list) {
  Bandwidth result;
  std::uint64_t bits = 0;
  double length = 0;
  for (const MediaPart& part : list.parts) {
    const std::uint64_t part_bits =
        8 * (part.primary_bytes + (list.sets[part.set].video.track ? part.audio_bytes : 0));
    const double part_length = std::max(seconds_of(part.range.length()), 0.001);
    bits += part_bits;
    length += part_length;
    // A part cut short by the end of a run says little of the rate.
    if (part_length >= 1 || list.parts.size() == 1)
      result.peak = std::max(
          result.peak, static_cast<std::uint64_t>(static_cast<double>(part_bits) / part_length));
  }
  result.average =
      std::max(result.average, static_cast<std::uint64_t>(static_cast<double>(bits) / length));
  return result;
}

std::int64_t target_seconds(const MediaList& list) {
  microseconds longest{0};
  for (const MediaPart& part : list.parts) longest = std::max(longest, part.range.length());
  return std::max(kLeastTargetSeconds, std::chrono::round<seconds>(longest).count());
}

std::string head_of(const MediaList& list, PlaylistKind playlist, LiveWindow::Numbers numbers) {
  std::string text = fmt::format(
      "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXT-X-MEDIA-SEQUENCE:{}\n",
      target_seconds(list), numbers.media);
  switch (playlist) {
    case PlaylistKind::kLive:
      text += fmt::format("#EXT-X-DISCONTINUITY-SEQUENCE:{}\n", numbers.discontinuity);
      break;
    case PlaylistKind::kGrowing:
      text += "#EXT-X-PLAYLIST-TYPE:EVENT\n";
      break;
    case PlaylistKind::kVod:
      text += "#EXT-X-PLAYLIST-TYPE:VOD\n";
      break;
  }
  return text;
}

}  // namespace

std::string make_multivariant_playlist(const MediaList& list, const PlaylistAddresses& addresses) {
  const TrackSet& set = list.sets[list.parts.back().set];
  const Bandwidth bandwidth = bandwidth_of(list);
  std::string codecs;
  for (const TrackInit* init : {&set.video, &set.audio}) {
    if (init->track)
      codecs += fmt::format("{}{}", codecs.empty() ? "" : ",", init->track->codec_string);
  }
  std::string text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  const bool has_rendition = set.video.track && set.audio.track;
  if (has_rendition) {
    text += fmt::format(
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"sound\",DEFAULT=YES,AUTOSELECT=YES,"
        "CHANNELS=\"{}\",URI=\"{}hls/audio.m3u8{}\"\n",
        std::max(set.audio.track->channels, 1U), addresses.base, addresses.query);
  }
  text += fmt::format("#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
                      bandwidth.peak, bandwidth.average, codecs);
  if (set.video.track)
    text += fmt::format(",RESOLUTION={}x{}", set.video.track->width, set.video.track->height);
  if (has_rendition) text += ",AUDIO=\"sound\"";
  text += fmt::format("\n{}hls/{}.m3u8{}\n", addresses.base, set.video.track ? "video" : "audio",
                      addresses.query);
  return text;
}

std::string make_media_playlist(const MediaList& list, media::TrackKind kind, PlaylistKind playlist,
                                LiveWindow::Numbers numbers, const PlaylistAddresses& addresses) {
  std::string text = head_of(list, playlist, numbers);
  const auto out = std::back_inserter(text);
  std::string_view map;
  bool is_first = true;
  for (const MediaPart& part : list.parts) {
    if (part.is_discontinuous && !is_first) text += "#EXT-X-DISCONTINUITY\n";
    is_first = false;
    const TrackInit& init = init_of(list, part, kind);
    const bool is_beside = kind == media::TrackKind::kAudio && list.sets[part.set].video.track;
    const bool is_missing = !init.track || (is_beside && part.audio_bytes == 0);
    if (!is_missing && init.hash != map) {
      map = init.hash;
      fmt::format_to(out, "#EXT-X-MAP:URI=\"{}init/{}.mp4{}\"\n", addresses.base, map,
                     addresses.media_query);
    }
    const std::int64_t length_us = part.range.length().count();
    fmt::format_to(out, "#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:{}.{:06},\n",
                   to_string(part.range.start), length_us / 1'000'000, length_us % 1'000'000);
    if (is_missing) text += "#EXT-X-GAP\n";
    fmt::format_to(out, "{}media/{}/{}/{}-{}.m4s{}\n", addresses.base, part.run.value,
                   init.track ? init.track->track : 0, part.range.start.time_since_epoch().count(),
                   part.range.end.time_since_epoch().count(), addresses.media_query);
  }
  if (playlist == PlaylistKind::kVod) text += "#EXT-X-ENDLIST\n";
  return text;
}

}  // namespace longtake::playback
