#include "media/fragment_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "media/coverage.h"

namespace longtake::media {

namespace {

/// The whole text as a number in exactly the form we write: lower case, no sign, no leading zeros.
template <class T>
std::optional<T> number_from(std::string_view text, int base) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  if (std::ranges::any_of(text,
                          [](char c) { return (c < '0' || c > '9') && (c < 'a' || c > 'f'); })) {
    return std::nullopt;
  }
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || parsed_to != end) return std::nullopt;
  return value;
}

TrackKind covering_kind(const std::vector<TrackConfigPtr>& tracks) {
  const bool has_video = std::ranges::any_of(
      tracks, [](const TrackConfigPtr& track) { return track->kind == TrackKind::kVideo; });
  return has_video ? TrackKind::kVideo : TrackKind::kAudio;
}

}  // namespace

std::string to_string(RecordingId id) { return fmt::format("{:016x}", id.value); }

std::optional<RecordingId> recording_id_from(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  const std::size_t first_digit = std::min(text.find_first_not_of('0'), text.size() - 1);
  const auto value = number_from<std::uint64_t>(text.substr(first_digit), 16);
  if (!value) return std::nullopt;
  return RecordingId{*value};
}

std::string to_string(SegmentId id) { return fmt::format("{:x}-{}", id.run.value, id.sequence); }

std::optional<SegmentId> segment_id_from(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto run = number_from<std::uint64_t>(text.substr(0, dash), 16);
  const auto sequence = number_from<std::uint32_t>(text.substr(dash + 1), 10);
  if (!run || !sequence || *sequence == 0) return std::nullopt;
  return SegmentId{RunId{*run}, *sequence};
}

std::uint64_t FragmentIndex::end_bytes() const {
  return fragments.empty() ? init_bytes
                           : fragments.back().offset_bytes + fragments.back().size_bytes;
}

std::vector<TimeRange> FragmentIndex::spans() const {
  const TrackKind kind = covering_kind(tracks);
  const auto is_covering = [&](TrackId id) {
    return std::ranges::any_of(tracks, [&](const TrackConfigPtr& track) {
      return track->track == id && track->kind == kind;
    });
  };
  TimeRanges covered;
  for (const FragmentEntry& fragment : fragments) {
    if (is_covering(fragment.track)) covered.add(fragment.covered());
  }
  return covered.ranges();
}

}  // namespace longtake::media
