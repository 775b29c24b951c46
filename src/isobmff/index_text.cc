#include "isobmff/index_text.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "isobmff/test_segment.h"

namespace longtake::isobmff {

std::string index_text(ByteSpan file, const media::FragmentIndex& index) {
  std::string text = fmt::format("recording {} segment {} init {}\n", to_string(index.recording),
                                 to_string(index.segment), index.init_bytes);
  for (const auto& track : index.tracks) {
    text += fmt::format("track {} {} {} {} Hz, {}x{}, {} Hz, {} channels, configuration {:08x}\n",
                        track->track, media::to_string(track->kind), track->codec_string,
                        track->timescale_hz, track->width, track->height, track->sample_rate_hz,
                        track->channels, base::crc32c(track->decoder_config));
  }
  for (const media::FragmentEntry& entry : index.fragments) {
    std::uint32_t crc = 0;
    for (const TestUnit& unit : read_units(file, entry)) crc = base::crc32c(unit.payload, crc);
    text += fmt::format(
        "{}: track {} record {} head {} size {} samples {} start {} duration {} composition {} run "
        "{} wall {} for {} "
        "bridge {} uncertainty {}{}{}{}{}{} media {:08x}\n",
        entry.offset_bytes, entry.track, entry.record_bytes, entry.head_bytes, entry.size_bytes,
        entry.sample_count, entry.media_start_ticks, entry.duration_ticks, entry.composition_ticks,
        entry.run_offset_us, entry.wall_start.time_since_epoch().count(),
        entry.wall_duration.count(), entry.bridge.count(), entry.wall_uncertainty.count(),
        entry.is_sync ? " sync" : "", entry.is_off_key ? " off-key" : "",
        entry.is_damaged ? " damaged" : "", entry.is_event ? " event" : "",
        entry.is_time_uncertain ? " time-uncertain" : "", crc);
  }
  return text;
}

}  // namespace longtake::isobmff
