#include "isobmff/test_segment.h"

#include <gtest/gtest.h>

#include <memory>

#include "isobmff/closing.h"
#include "isobmff/init.h"

namespace longtake::isobmff {
namespace {

// 2026-01-31T12:34:56Z
constexpr microseconds kRunStart{1'769'862'896'000'000};

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Bytes init_of(const std::vector<media::TrackConfigPtr>& tracks) {
  auto init = make_init(tracks);
  EXPECT_TRUE(init.has_value());
  return init.value_or(Bytes());
}

}  // namespace

media::TrackConfigPtr test_video() {
  media::TrackConfig track;
  track.track = 1;
  track.kind = media::TrackKind::kVideo;
  track.codec = media::Codec::kH264;
  track.timescale_hz = 90'000;
  track.decoder_config = from_hex(
      "01640016ffe1001b67640016acd940a03da1000003000100000300320f162d9601000668ebe3cb22c0fdf8f800");
  track.codec_string = "avc1.640016";
  track.width = 640;
  track.height = 480;
  return std::make_shared<const media::TrackConfig>(track);
}

media::TrackConfigPtr test_audio() {
  media::TrackConfig track;
  track.track = 2;
  track.kind = media::TrackKind::kAudio;
  track.codec = media::Codec::kAac;
  track.timescale_hz = 48'000;
  track.decoder_config = from_hex("1190");
  track.codec_string = "mp4a.40.2";
  track.sample_rate_hz = 48'000;
  track.channels = 2;
  return std::make_shared<const media::TrackConfig>(track);
}

Bytes random_bytes(base::Random& random, std::size_t count) {
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

TestSegment::TestSegment(std::vector<media::TrackConfigPtr> tracks, media::SegmentId segment)
    : file_(init_of(tracks)),
      index_{.recording = media::RecordingId{0x0123456789abcdef},
             .segment = segment,
             .tracks = std::move(tracks),
             .init_bytes = file_.size(),
             .fragments = {}},
      builder_(index_.recording, index_.segment, index_.tracks, file_) {}

media::FragmentEntry TestSegment::add(media::TrackId track, std::int64_t media_start_ticks,
                                      std::vector<TestUnit> units) {
  media::FragmentEntry given;
  given.track = track;
  given.media_start_ticks = media_start_ticks;
  const std::int64_t timescale = track == 1 ? 90'000 : 48'000;
  const microseconds start{media_start_ticks * 1'000'000 / timescale};
  given.run_offset_us = 700'000'000 + start.count();
  given.wall_start = WallTime(kRunStart + microseconds(700'000'000) + start);
  given.wall_duration = microseconds(1'000'000);
  given.bridge = microseconds(1'234);
  given.wall_uncertainty = microseconds(56'789);
  return add(given, std::move(units));
}

media::FragmentEntry TestSegment::add(const media::FragmentEntry& given,
                                      std::vector<TestUnit> units) {
  std::vector<media::AccessUnit> access_units(units.size());
  std::vector<FragmentSample> samples(units.size());
  for (std::size_t i = 0; i < units.size(); ++i) {
    access_units[i].track = given.track;
    access_units[i].is_sync = units[i].is_sync;
    access_units[i].is_damaged = units[i].is_damaged;
    access_units[i].payload = units[i].payload;
    samples[i] = {&access_units[i], units[i].duration_ticks, units[i].composition_ticks};
  }
  const auto entry = builder_.prepare(given, samples);
  EXPECT_TRUE(entry.has_value()) << entry.error().message();
  EXPECT_EQ(builder_.end_bytes(), file_.size());
  for (const ByteSpan part : builder_.parts()) file_.insert(file_.end(), part.begin(), part.end());
  builder_.advance();
  EXPECT_EQ(builder_.end_bytes(), file_.size());
  index_.fragments.push_back(*entry);
  units_.push_back(std::move(units));
  return *entry;
}

void TestSegment::add_seconds(int seconds, base::Random& random, std::size_t mean_picture_bytes) {
  const auto video_end = [this] {
    std::int64_t end = 0;
    for (const auto& entry : index_.fragments) {
      if (entry.track == 1) end = entry.media_start_ticks + entry.duration_ticks;
    }
    return end;
  };
  for (int second = 0; second < seconds; ++second) {
    const std::int64_t start = video_end();
    std::vector<TestUnit> pictures(15);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const std::size_t most = 2 * (i == 0 ? 4 * mean_picture_bytes : mean_picture_bytes);
      pictures[i].is_sync = i == 0;
      pictures[i].payload = random_bytes(random, 1 + random.below(most));
    }
    add(1, start, std::move(pictures));
    std::vector<TestUnit> frames(47);
    for (TestUnit& frame : frames) {
      frame.is_sync = true;
      frame.duration_ticks = 1024;
      frame.payload = random_bytes(random, 100 + random.below(100));
    }
    add(2, start * 48 / 90, std::move(frames));
  }
}

void TestSegment::close() {
  const Bytes closing = make_closing(index_, builder_.last_crc());
  file_.insert(file_.end(), closing.begin(), closing.end());
}

ByteSpan head_of(ByteSpan file, const media::FragmentEntry& entry) {
  return file.subspan(static_cast<std::size_t>(entry.offset_bytes), entry.head_bytes);
}

std::vector<TestUnit> read_units(ByteSpan file, const media::FragmentEntry& entry) {
  const auto fragment = read_samples(head_of(file, entry));
  EXPECT_TRUE(fragment.has_value()) << fragment.error().message();
  std::vector<TestUnit> units;
  for (const Sample& sample : fragment->samples) {
    const ByteSpan payload = file.subspan(
        static_cast<std::size_t>(entry.offset_bytes + sample.offset_bytes), sample.size_bytes);
    units.push_back({.is_sync = sample.is_sync,
                     .duration_ticks = sample.duration_ticks,
                     .composition_ticks = static_cast<std::uint32_t>(sample.composition_ticks),
                     .payload = Bytes(payload.begin(), payload.end()),
                     .is_damaged = false});
  }
  return units;
}

}  // namespace longtake::isobmff
