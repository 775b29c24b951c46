#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "isobmff/reader.h"
#include "isobmff/span_file.h"
#include "isobmff/test_segment.h"
#include "isobmff/verify.h"

/// Mux, then read back: whatever tracks, GOPs, sizes and reordering a camera comes with.
namespace longtake::isobmff {
namespace {

template <class T>
T pick(T from, T to) {
  return *rc::gen::inRange<T>(from, to);
}

media::TrackConfigPtr with_id(const media::TrackConfigPtr& track, media::TrackId id) {
  media::TrackConfig copy = *track;
  copy.track = id;
  return std::make_shared<const media::TrackConfig>(std::move(copy));
}

/// One to four tracks with ids from the whole range.
std::vector<media::TrackConfigPtr> pick_tracks() {
  std::vector<media::TrackConfigPtr> tracks;
  auto id = static_cast<media::TrackId>(pick(1, 60));
  for (int count = pick(1, 5); count > 0; --count) {
    tracks.push_back(with_id(pick(0, 2) == 0 ? test_video() : test_audio(), id));
    id = static_cast<media::TrackId>(id + pick(1, 60));
  }
  return tracks;
}

std::vector<TestUnit> pick_units(media::TrackKind kind, base::Random& random) {
  const bool has_b_frames = pick(0, 2) == 1;
  const bool has_one_size = pick(0, 4) == 0;
  const bool has_one_duration = pick(0, 2) == 0;
  const bool begins_with_key = pick(0, 3) != 0;
  std::vector<TestUnit> units(pick<std::size_t>(1, pick(0, 10) == 0 ? 400 : 40));
  const auto size = pick<std::size_t>(0, 3000);
  for (std::size_t i = 0; i < units.size(); ++i) {
    TestUnit& unit = units[i];
    unit.is_sync = kind == media::TrackKind::kAudio || (i == 0 && begins_with_key);
    unit.duration_ticks =
        has_one_duration ? 6000 : static_cast<std::uint32_t>(random.below(20'000));
    unit.composition_ticks = has_b_frames ? static_cast<std::uint32_t>(random.below(4) * 3000) : 0;
    unit.payload = random_bytes(random, has_one_size ? size : random.below(size + 1));
  }
  return units;
}

/// A segment of up to 30 fragments, its tracks by turns.
TestSegment pick_segment() {
  const auto tracks = pick_tracks();
  TestSegment segment(
      tracks, {media::RunId{pick<std::uint64_t>(0, 1U << 30U)}, pick<std::uint32_t>(1, 1000)});
  base::SeededRandom random(pick<std::uint64_t>(0, 1U << 30U));
  std::array<std::int64_t, 256> media_end{};
  for (int count = pick(0, 31); count > 0; --count) {
    const auto& track = tracks[random.below(tracks.size())];
    media::FragmentEntry given;
    given.track = track->track;
    given.media_start_ticks =
        media_end[track->track] + static_cast<std::int64_t>(random.below(3) * 100);
    given.run_offset_us = static_cast<std::int64_t>(random.below(1U << 30U));
    given.wall_start = WallTime(microseconds(1'769'862'896'000'000 + given.run_offset_us));
    given.wall_duration = microseconds(random.below(2'000'000));
    given.bridge = microseconds(random.below(2'000'000));
    given.wall_uncertainty = microseconds(random.below(2'000'000));
    given.is_event = random.below(2) == 1;
    given.is_damaged = random.below(4) == 1;
    given.is_off_key = random.below(8) == 1;
    given.is_time_uncertain = random.below(8) == 1;
    const auto entry = segment.add(given, pick_units(track->kind, random));
    media_end[track->track] = entry.media_start_ticks + entry.duration_ticks;
  }
  return segment;
}

bool is_equal(const media::FragmentIndex& read, const media::FragmentIndex& written) {
  const auto same_tracks =
      std::equal(read.tracks.begin(), read.tracks.end(), written.tracks.begin(),
                 written.tracks.end(), [](const auto& a, const auto& b) { return *a == *b; });
  return same_tracks && read.recording == written.recording && read.segment == written.segment &&
         read.init_bytes == written.init_bytes && read.fragments == written.fragments;
}

RC_GTEST_PROP(Segment, ReadsBackFromItsRecordsAsItWasWritten, ()) {
  const TestSegment segment = pick_segment();
  RC_PRE(!segment.index().fragments.empty());
  const auto walked = walk(segment.file(), Check::kAll);
  RC_ASSERT(walked.has_value());
  RC_ASSERT(walked->stop == Stop::kEnd);
  RC_ASSERT(is_equal(walked->index, segment.index()));
  for (std::size_t i = 0; i < segment.units().size(); ++i) {
    RC_ASSERT(read_units(segment.file(), segment.index().fragments[i]) == segment.units()[i]);
  }
}

RC_GTEST_PROP(Segment, ReadsBackFromItsSummaryAsItWasWritten, ()) {
  TestSegment segment = pick_segment();
  RC_PRE(!segment.index().fragments.empty());
  segment.close();
  SpanFile file(segment.file());
  const auto read = read_index(file);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read->source == IndexSource::kSummary);
  RC_ASSERT(is_equal(read->index, segment.index()));
}

RC_GTEST_PROP(Segment, IsWellInTheEyesOfVerify, ()) {
  TestSegment segment = pick_segment();
  RC_PRE(!segment.index().fragments.empty());
  if (pick(0, 2) == 1) segment.close();
  SpanFile file(segment.file());
  const auto verdict = verify(file);
  RC_ASSERT(verdict.has_value());
  RC_ASSERT(verdict->findings.empty());
}

RC_GTEST_PROP(Segment, Host05_CutAnywhereKeepsItsWholeFragmentsAndNoOther, ()) {
  const TestSegment segment = pick_segment();
  const auto cut = pick<std::size_t>(segment.index().init_bytes, segment.file().size() + 1);
  const auto walked = walk(ByteSpan(segment.file()).first(cut), Check::kAll);
  RC_ASSERT(walked.has_value());
  std::size_t whole = 0;
  for (const auto& entry : segment.index().fragments)
    whole += entry.offset_bytes + entry.size_bytes <= cut ? 1 : 0;
  RC_ASSERT(walked->index.fragments.size() == whole);
  RC_ASSERT(std::equal(walked->index.fragments.begin(), walked->index.fragments.end(),
                       segment.index().fragments.begin()));
}

}  // namespace
}  // namespace longtake::isobmff
