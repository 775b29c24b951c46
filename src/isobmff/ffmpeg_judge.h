#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "isobmff/test_segment.h"
#include "media/track.h"

/// ffmpeg and ffprobe as independent judges: they make the media, mux it their way, and read what
/// we made of it.
namespace longtake::isobmff {

/// A folder of a test's own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

struct ProgramRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};
/// Runs a command line by the shell; only test code with fixed words and its own paths calls it.
ProgramRun run_program(const TemporaryFolder& folder, const std::string& command);

void write_bytes(const std::string& path, ByteSpan bytes);
Bytes read_bytes(const std::string& path);

/// One packet as ffprobe shows it, in ticks of its track.
struct Packet {
  std::int64_t pts = 0;
  std::int64_t dts = 0;
  std::int64_t duration = 0;
  std::int64_t size = 0;
  bool is_sync = false;
  friend bool operator==(const Packet&, const Packet&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Packet& packet);
};

struct Judgement {
  int exit_code = -1;
  std::string complaints;  // every warning and error
  std::vector<Packet> video;
  std::vector<Packet> audio;
  double start_s = 0;
  double duration_s = 0;
};
/// What ffprobe says of a file.
Judgement judge(const TemporaryFolder& folder, ByteSpan file);
/// The decoded pictures, by their MD5s; complaints count as pictures, so that they show.
std::vector<std::string> decoded_pictures(const TemporaryFolder& folder, const std::string& path);

/// Real media, muxed by ffmpeg: what to encode.
struct Recipe {
  std::string video = "-g 30 -bf 0";  // x264: key every 2 s
  std::string size = "320x180";
  std::string audio_bit_rate = "32k";
  int seconds = 5;
};

/// A unit of the media with its times shifted so that the first DTS is 0 (rule 3), and audio alike.
struct TimedUnit {
  std::int64_t dts = 0;
  TestUnit unit;
};
struct Media {
  std::string reference_path;  // ffmpeg's own MP4 of it
  media::TrackConfigPtr video_track;
  media::TrackConfigPtr audio_track;
  std::vector<TimedUnit> video;
  std::vector<TimedUnit> audio;
};
Media make_media(const TemporaryFolder& folder, const Recipe& recipe);

/// Both tracks cut as the recorder cuts: at key frames and after 1 s, by time in turns.
TestSegment mux(const Media& media);
/// The packets a reader of the muxed media must find.
std::vector<Packet> packets_of(const std::vector<TimedUnit>& units);

}  // namespace longtake::isobmff
