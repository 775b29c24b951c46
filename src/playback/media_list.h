#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "media/grant.h"
#include "playback/index_cache.h"

namespace longtake::playback {

/// The tracks of a part and the hash of each one's init segment.
struct TrackInit {
  media::TrackConfigPtr track;  // null: there is none of that kind
  std::string hash;             // of the init segment with this track alone, 16 hex digits
};
struct TrackSet {
  TrackInit video;
  TrackInit audio;
  /// What cuts the parts: the video, or the audio where there is no video.
  [[nodiscard]] const TrackInit& primary() const { return video.track ? video : audio; }
};

/// One media segment as players get it: whole GOPs of one run, in no file of its own.
struct MediaPart {
  media::RunId run;
  TimeRange range;  // from a GOP's first picture to the next part's, or to what is missing
  bool is_discontinuous = false;  // something is missing before it, or another run begins
  std::size_t set = 0;            // of MediaList::sets
  std::uint64_t primary_bytes = 0;
  std::uint64_t audio_bytes = 0;  // 0: no sound in it
};

struct MediaList {
  std::vector<TrackSet> sets;
  std::vector<MediaPart> parts;  // in order of time
};

/// Whether the last part, which may still grow, is told.
enum class ListEnd : std::uint8_t {
  kStable,  // only parts that will never change: for lists that are asked for again and again
  kAsItIs,  // up to what is recorded now: for a list that is asked for once
};

/// The parts that touch `within`, the same however the range was chosen, but for the first: cut at the first GOP that
/// starts in another cell of `kPartCell` of UTC than the part did, where a run ends, and where time is missing. The first
/// begins with the GOP that `within` begins in.
///
/// Limits     limits::kPlaylistSegments files.
/// Errors     of the archive; kResourceExhausted over the limit. A segment that is lost or being recovered is left out.
/// Source     DESIGN §10; docs/design/playback.md, "Parts".
Result<MediaList> make_media_list(archive::Archive& archive, IndexCache& cache,
                                  const media::ReadGrant& grant, TimeRange within, ListEnd end,
                                  WallTime now);

/// Which part's time a fragment of sound belongs to: its middle, because sound and picture are not cut at the same instant.
inline WallTime middle_of(const media::FragmentEntry& fragment) {
  return fragment.wall_start + fragment.wall_duration / 2;
}

/// A file that was deleted since it was listed, or that cannot be read: for whoever plays it is missing time, and no reason to
/// keep the rest from them. `longtake check` names it.
inline bool is_lost(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kDataLoss;
}

/// The first track of that kind, or null.
media::TrackConfigPtr track_of(const std::vector<media::TrackConfigPtr>& tracks,
                               media::TrackKind kind);

/// The track that cuts the parts: the picture, or the sound where there is none.
media::TrackConfigPtr primary_track(const std::vector<media::TrackConfigPtr>& tracks);

/// The init segment of one track and its hash.
struct NamedInit {
  std::string hash;
  Bytes bytes;
};
Result<NamedInit> make_named_init(const media::TrackConfigPtr& track);

}  // namespace longtake::playback
