#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "playback/live_window.h"
#include "playback/media_list.h"

namespace longtake::playback {

enum class PlaylistKind : std::uint8_t {
  kLive,     // the last minute, sliding
  kGrowing,  // from a moment on, as it is recorded
  kVod,      // from a moment to a moment
};

/// Where the playlists' addresses lead.
struct PlaylistAddresses {
  std::string base;   // from the playlist to the recording's calls: "", "../"
  std::string query;  // handed on to playlists: "?from=...&token=..."
  std::string
      media_query;  // handed on to media, which is the same whatever was asked for: "?token=..."
};

/// The multivariant playlist: one picture track, its sound as a rendition. `list` has parts.
///
/// Source     RFC 8216 §4.3.4; docs/design/playback.md, "Playlists".
std::string make_multivariant_playlist(const MediaList& list, const PlaylistAddresses& addresses);

/// The media playlist of the picture (or of the sound alone) or of the sound beside it.
///
/// Source     RFC 8216 §4.3.3.
std::string make_media_playlist(const MediaList& list, media::TrackKind kind, PlaylistKind playlist,
                                LiveWindow::Numbers numbers, const PlaylistAddresses& addresses);

}  // namespace longtake::playback
