#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "isobmff/fragment.h"
#include "isobmff/samples.h"
#include "media/fragment_index.h"
#include "media/track.h"

/// Segments made in memory for tests, and what they must read back as.
namespace longtake::isobmff {

media::TrackConfigPtr test_video();  // track 1, H.264 640x480, 90 kHz
media::TrackConfigPtr test_audio();  // track 2, AAC 48 kHz stereo

/// One access unit as a test means it.
struct TestUnit {
  bool is_sync = false;
  std::uint32_t duration_ticks = 6000;
  std::uint32_t composition_ticks = 0;
  Bytes payload;
  bool is_damaged = false;
  friend bool operator==(const TestUnit&, const TestUnit&) = default;
};

Bytes random_bytes(base::Random& random, std::size_t count);

/// A segment file as it grows in memory.
class TestSegment {
 public:
  explicit TestSegment(std::vector<media::TrackConfigPtr> tracks = {test_video(), test_audio()},
                       media::SegmentId segment = {media::RunId{5000003}, 12});

  /// A fragment at `run_offset`, its other times taken from there. The test fails when the builder
  /// refuses it.
  media::FragmentEntry add(media::TrackId track, std::int64_t media_start_ticks,
                           std::vector<TestUnit> units);
  media::FragmentEntry add(const media::FragmentEntry& given, std::vector<TestUnit> units);
  /// `seconds` seconds of 15 pictures (a key frame first) and 47 AAC frames each; sizes at random.
  void add_seconds(int seconds, base::Random& random, std::size_t mean_picture_bytes);
  void close();

  [[nodiscard]] const Bytes& file() const { return file_; }
  [[nodiscard]] const media::FragmentIndex& index() const { return index_; }
  [[nodiscard]] const std::vector<std::vector<TestUnit>>& units() const { return units_; }
  [[nodiscard]] std::uint32_t last_crc() const { return builder_.last_crc(); }

 private:
  Bytes file_;
  media::FragmentIndex index_;
  FragmentBuilder builder_;
  std::vector<std::vector<TestUnit>> units_;
};

/// The head of a fragment of `file`.
ByteSpan head_of(ByteSpan file, const media::FragmentEntry& entry);
/// The samples of a fragment as its moof tells them. The test fails when it cannot be read.
std::vector<TestUnit> read_units(ByteSpan file, const media::FragmentEntry& entry);

}  // namespace longtake::isobmff
