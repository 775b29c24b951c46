#include "playback/media_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "isobmff/box.h"
#include "isobmff/record.h"
#include "playback/media_list.h"

namespace longtake::playback {
namespace {

template <class T>
std::optional<T> number_from(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::unexpected<Error> not_found() {
  return fail(ErrorCode::kNotFound,
              "there is no such media; it was deleted, or the address is of another list");
}

Result<void> append_fragment(const std::shared_ptr<base::File>& file,
                             const media::FragmentEntry& fragment, std::int64_t decode_ticks,
                             SliceList& into) {
  Bytes head(fragment.head_bytes - fragment.record_bytes);
  LT_ASSIGN(const std::size_t got,
            file->read_at(fragment.offset_bytes + fragment.record_bytes, head));
  if (got != head.size()) return fail(ErrorCode::kDataLoss, "the file ends inside a fragment");
  const std::size_t moof_bytes = isobmff::moof_bytes(fragment);
  LT_TRY(set_decode_time(std::span(head).first(moof_bytes),
                         static_cast<std::uint64_t>(std::max<std::int64_t>(decode_ticks, 0))));
  into.append(std::move(head));
  into.append(FileSlice{file, fragment.offset_bytes + fragment.head_bytes,
                        fragment.size_bytes - fragment.head_bytes});
  return {};
}

/// The fragments of the address in one segment.
Result<void> append_segment(archive::Archive& archive, const media::ReadGrant& grant,
                            const media::FragmentIndex& index, const MediaAddress& address,
                            std::int64_t& delay_ticks, SliceList& into) {
  const auto track = std::ranges::find(index.tracks, address.track,
                                       [](const auto& config) { return config->track; });
  if (track == index.tracks.end()) return {};
  const bool is_primary = *track == primary_track(index.tracks);
  std::shared_ptr<base::File> file;
  for (const media::FragmentEntry& fragment : index.fragments) {
    const WallTime at = is_primary ? fragment.wall_start : middle_of(fragment);
    const bool is_asked =
        fragment.track == address.track && at >= address.range.start && at < address.range.end;
    if (!is_asked) continue;
    // Players hang on a segment that does not begin with a picture that decodes alone (FORMAT rule 9).
    if (is_primary && into.size_bytes() == 0 &&
        (!fragment.is_sync || fragment.wall_start != address.range.start))
      return not_found();
    if (!file) {
      auto opened = archive.open_segment(grant.recording(), index.segment);
      if (!opened) return std::unexpected(std::move(opened).error());
      file = std::move(opened->file);
    }
    // A fragment's wall time is its decode time and the picture's delay; a GOP's first picture has no more than that.
    if (fragment.is_sync) delay_ticks = fragment.composition_ticks;
    LT_TRY(append_fragment(file, fragment,
                           utc_ticks(fragment.wall_start, (*track)->timescale_hz) - delay_ticks,
                           into));
  }
  return {};
}

}  // namespace

std::optional<MediaAddress> MediaAddress::from(std::string_view run, std::string_view track,
                                               std::string_view range) {
  const auto run_id = number_from<std::uint64_t>(run);
  const auto track_id = number_from<media::TrackId>(track);
  const std::size_t dash = range.find('-');
  if (!run_id || !track_id || dash == std::string_view::npos) return std::nullopt;
  const auto start = number_from<std::int64_t>(range.substr(0, dash));
  const auto end = number_from<std::int64_t>(range.substr(dash + 1));
  constexpr std::int64_t kLatest = 1LL << 53;  // the year 2255
  if (!start || !end || *start < 0 || *end <= *start || *end > kLatest) return std::nullopt;
  return MediaAddress{
      {*run_id}, *track_id, {WallTime(microseconds(*start)), WallTime(microseconds(*end))}};
}

std::int64_t utc_ticks(WallTime time, std::uint32_t timescale_hz) {
  constexpr std::int64_t kSecond = 1'000'000;
  const std::int64_t us = time.time_since_epoch().count();
  const std::int64_t whole = us / kSecond;
  const std::int64_t rest = us % kSecond;
  return whole * timescale_hz + (rest * timescale_hz + kSecond / 2) / kSecond;
}

Result<void> set_decode_time(std::span<std::byte> moof, std::uint64_t ticks) {
  LT_ASSIGN(const auto outer, isobmff::parse_boxes(moof));
  LT_ASSIGN(const auto children, isobmff::parse_children(outer, isobmff::four_cc("moof")));
  LT_ASSIGN(const auto traf, isobmff::parse_children(children, isobmff::four_cc("traf")));
  LT_ASSIGN(const isobmff::Box tfdt, isobmff::require_box(traf, isobmff::four_cc("tfdt")));
  Cursor cursor(tfdt.payload);
  const auto header = isobmff::read_full_box_header(cursor);
  constexpr std::size_t kVersion1Bytes = 12;
  if (!header || header->version != 1 || tfdt.payload.size() != kVersion1Bytes)
    return fail(ErrorCode::kDataLoss, "a fragment without a 64-bit decode time");
  const auto at = static_cast<std::size_t>(tfdt.payload.data() - moof.data()) + 4;
  for (std::size_t i = 0; i < 8; ++i) moof[at + i] = static_cast<std::byte>(ticks >> (56 - 8 * i));
  return {};
}

Result<std::shared_ptr<Body>> make_media_segment(archive::Archive& archive, IndexCache& cache,
                                                 const media::ReadGrant& grant,
                                                 const MediaAddress& address) {
  if (address.range.length() > limits::kPlaylistSegmentSpan) return not_found();
  // Sound that belongs here may lie in the file before or behind.
  const TimeRange around{address.range.start - seconds(1), address.range.end + seconds(1)};
  LT_ASSIGN(const auto infos,
            archive.segments(grant.recording(), around, limits::kPlaylistSegments));
  auto body = std::make_shared<SliceList>();
  std::int64_t delay_ticks = 0;  // of the GOP, which may go on in the next file
  for (const archive::SegmentInfo& info : infos) {
    if (info.id.run != address.run) continue;
    LT_ASSIGN(const archive::SegmentIndexPtr index, cache.get(grant.recording(), info));
    LT_TRY(append_segment(archive, grant, *index, address, delay_ticks, *body));
  }
  if (body->size_bytes() == 0) return not_found();
  return body;
}

}  // namespace longtake::playback
