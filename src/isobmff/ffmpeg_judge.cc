#include "isobmff/ffmpeg_judge.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "isobmff/box.h"

namespace longtake::isobmff {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::path(testing::TempDir()) / "longtake-judge-XXXXXX").string();
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  folder_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

ProgramRun run_program(const TemporaryFolder& folder, const std::string& command) {
  const std::string out = folder.path("stdout.txt");
  const std::string err = folder.path("stderr.txt");
  ProgramRun run;
  run.exit_code = std::system((command + " >" + out + " 2>" + err + " </dev/null").c_str());
  run.out = read_text(out);
  run.err = read_text(err);
  return run;
}

void write_bytes(const std::string& path, ByteSpan bytes) {
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}

Bytes read_bytes(const std::string& path) {
  const std::string text = read_text(path);
  const ByteSpan bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::ostream& operator<<(std::ostream& out, const Packet& packet) {
  return out << "{pts " << packet.pts << " dts " << packet.dts << " duration " << packet.duration
             << " size " << packet.size << (packet.is_sync ? " sync}" : "}");
}

namespace {

/// A packet and where it lies in the file.
struct PlacedPacket {
  Packet packet;
  std::size_t position = 0;
};

std::vector<PlacedPacket> probe_packets(const TemporaryFolder& folder, const std::string& path,
                                        std::string_view stream, std::string& complaints) {
  const ProgramRun run = run_program(
      folder, "ffprobe -v warning -select_streams " + std::string(stream) +
                  " -show_entries packet=pts,dts,duration,size,pos,flags -of default=nw=1 " + path);
  complaints += run.err;
  std::vector<PlacedPacket> packets;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find('='));
    const std::string value = line.substr(line.find('=') + 1);
    if (name == "pts") packets.emplace_back();
    if (packets.empty()) continue;
    Packet& packet = packets.back().packet;
    const auto number = [&value] { return std::strtoll(value.c_str(), nullptr, 10); };
    if (name == "pts") packet.pts = number();
    if (name == "dts") packet.dts = number();
    if (name == "duration") packet.duration = number();
    if (name == "size") packet.size = number();
    if (name == "pos") packets.back().position = static_cast<std::size_t>(number());
    if (name == "flags") packet.is_sync = value.starts_with('K');
  }
  return packets;
}

std::vector<Packet> without_places(const std::vector<PlacedPacket>& placed) {
  std::vector<Packet> packets;
  for (const PlacedPacket& one : placed) packets.push_back(one.packet);
  return packets;
}

}  // namespace

Judgement judge(const TemporaryFolder& folder, ByteSpan file) {
  const std::string path = folder.path("judged.mp4");
  write_bytes(path, file);
  Judgement judgement;
  const ProgramRun run = run_program(
      folder, "ffprobe -v warning -show_entries format=start_time,duration -of csv=p=0 " + path);
  judgement.exit_code = run.exit_code;
  judgement.complaints = run.err;
  std::istringstream numbers(run.out);
  char comma = 0;
  numbers >> judgement.start_s >> comma >> judgement.duration_s;
  judgement.video = without_places(probe_packets(folder, path, "v", judgement.complaints));
  judgement.audio = without_places(probe_packets(folder, path, "a", judgement.complaints));
  return judgement;
}

std::vector<std::string> decoded_pictures(const TemporaryFolder& folder, const std::string& path) {
  const ProgramRun run = run_program(
      folder, "ffmpeg -v warning -i " + path + " -map 0:v -fps_mode passthrough -f framemd5 -");
  std::vector<std::string> pictures;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) pictures.push_back(line.substr(line.rfind(',') + 1));
  }
  if (!run.err.empty()) pictures.push_back(run.err);
  return pictures;
}

namespace {

/// The content of the first box of that type, wherever it is: avcC of a reference file.
Bytes find_content(ByteSpan file, std::string_view type) {
  const std::size_t at = as_text(file).find(type);
  if (at == std::string_view::npos || at < 4) return {};
  const std::uint32_t size = *Cursor(file.subspan(at - 4)).u32();
  const ByteSpan content = file.subspan(at + 4, size - kBoxHeaderBytes);
  return {content.begin(), content.end()};
}

/// The DecoderSpecificInfo of an esds: ffmpeg writes lengths of four bytes.
Bytes audio_config_of(ByteSpan file) {
  const Bytes esds = find_content(file, "esds");
  const std::size_t at = as_text(esds).find("\x05\x80\x80\x80");
  if (at == std::string_view::npos) return {};
  const auto size = std::to_integer<std::size_t>(esds[at + 4]);
  const auto start = esds.begin() + static_cast<std::ptrdiff_t>(at + 5);
  return {start, start + static_cast<std::ptrdiff_t>(size)};
}

/// Units with `shift` ticks added. Left out: what would lie before 0 (the AAC encoder's priming),
/// and a last unit that ffmpeg's muxer cut short, for no camera sends one.
std::vector<TimedUnit> take_units(ByteSpan file, const std::vector<PlacedPacket>& packets,
                                  std::int64_t shift) {
  std::vector<TimedUnit> units;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const Packet& packet = packets[i].packet;
    if (packet.dts + shift < 0) continue;
    const bool is_last = i + 1 == packets.size();
    if (is_last && i > 0 && packet.duration < packets[i - 1].packet.duration) continue;
    const std::int64_t duration =
        is_last ? packet.duration : packets[i + 1].packet.dts - packet.dts;
    const ByteSpan payload =
        file.subspan(packets[i].position, static_cast<std::size_t>(packet.size));
    units.push_back({packet.dts + shift,
                     {.is_sync = packet.is_sync,
                      .duration_ticks = static_cast<std::uint32_t>(duration),
                      .composition_ticks = static_cast<std::uint32_t>(packet.pts - packet.dts),
                      .payload = Bytes(payload.begin(), payload.end()),
                      .is_damaged = false}});
  }
  return units;
}

}  // namespace

Media make_media(const TemporaryFolder& folder, const Recipe& recipe) {
  Media media;
  media.reference_path = folder.path("reference.mp4");
  const std::string seconds = std::to_string(recipe.seconds);
  const ProgramRun run = run_program(
      folder, "ffmpeg -v error -f lavfi -i testsrc2=size=" + recipe.size +
                  ":rate=15:duration=" + seconds +
                  " -f lavfi -i sine=frequency=440:sample_rate=48000:duration=" + seconds +
                  " -c:v libx264 -preset veryfast -pix_fmt yuv420p -sc_threshold 0 " +
                  recipe.video + " -c:a aac -b:a " + recipe.audio_bit_rate +
                  " -video_track_timescale 90000 -y " + media.reference_path);
  EXPECT_EQ(run.exit_code, 0) << run.err << "(is ffmpeg installed? ./test installs it)";
  std::string complaints;
  const Bytes file = read_bytes(media.reference_path);
  const auto video = probe_packets(folder, media.reference_path, "v", complaints);
  const auto audio = probe_packets(folder, media.reference_path, "a", complaints);
  EXPECT_EQ(complaints, "");
  EXPECT_FALSE(video.empty() || audio.empty());
  if (video.empty() || audio.empty()) return media;
  const std::int64_t shift = -video.front().packet.dts;
  media.video = take_units(file, video, shift);
  media.audio = take_units(file, audio, shift * 48 / 90);
  auto video_track = *test_video();
  const std::size_t x = recipe.size.find('x');
  video_track.width = static_cast<std::uint32_t>(std::stoi(recipe.size.substr(0, x)));
  video_track.height = static_cast<std::uint32_t>(std::stoi(recipe.size.substr(x + 1)));
  video_track.decoder_config = find_content(file, "avcC");
  const auto byte = [&video_track](std::size_t at) {
    return std::to_integer<unsigned>(video_track.decoder_config[at]);
  };
  if (video_track.decoder_config.size() < 4) return media;
  video_track.codec_string = fmt::format("avc1.{:02x}{:02x}{:02x}", byte(1), byte(2), byte(3));
  auto audio_track = *test_audio();
  audio_track.channels = 1;
  audio_track.decoder_config = audio_config_of(file);
  media.video_track = std::make_shared<const media::TrackConfig>(std::move(video_track));
  media.audio_track = std::make_shared<const media::TrackConfig>(std::move(audio_track));
  return media;
}

namespace {

/// The units of one fragment from `first` on: up to the next key frame, at most a second.
std::vector<TestUnit> next_fragment(const std::vector<TimedUnit>& units, std::size_t first,
                                    bool cuts_at_sync, std::int64_t timescale) {
  std::vector<TestUnit> fragment;
  for (std::size_t i = first; i < units.size(); ++i) {
    const bool is_next_gop = cuts_at_sync && i > first && units[i].unit.is_sync;
    if (is_next_gop || units[i].dts - units[first].dts >= timescale) break;
    fragment.push_back(units[i].unit);
  }
  return fragment;
}

}  // namespace

TestSegment mux(const Media& media) {
  TestSegment segment({media.video_track, media.audio_track});
  std::size_t video = 0;
  std::size_t audio = 0;
  while (video < media.video.size() || audio < media.audio.size()) {
    const bool is_video_next =
        audio == media.audio.size() ||
        (video < media.video.size() && media.video[video].dts * 48 <= media.audio[audio].dts * 90);
    const auto& units = is_video_next ? media.video : media.audio;
    std::size_t& next = is_video_next ? video : audio;
    auto fragment = next_fragment(units, next, is_video_next, is_video_next ? 90'000 : 48'000);
    const std::int64_t start = units[next].dts;
    next += fragment.size();
    segment.add(is_video_next ? 1 : 2, start, std::move(fragment));
  }
  return segment;
}

std::vector<Packet> packets_of(const std::vector<TimedUnit>& units) {
  std::vector<Packet> packets;
  for (const TimedUnit& timed : units) {
    packets.push_back({.pts = timed.dts + timed.unit.composition_ticks,
                       .dts = timed.dts,
                       .duration = timed.unit.duration_ticks,
                       .size = static_cast<std::int64_t>(timed.unit.payload.size()),
                       .is_sync = timed.unit.is_sync});
  }
  return packets;
}

}  // namespace longtake::isobmff
