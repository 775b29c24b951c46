#pragma once

#include <optional>
#include <vector>

#include "archive/archive.h"
#include "archive/live_index.h"
#include "archive/recording_facts.h"
#include "store/catalog.h"

/// Answers made of two halves: the live index, asked first, and the catalog, asked second. A segment in both counts once.
namespace longtake::archive {

/// Spans and gaps are the time asked for, exactly. While recording, what came after the last fragment is undecided: "now"
/// is where the last span or told reason ends; while a gap is open, it is `wall_now`.
/// `last` is the end of the newest footage in the catalog, inside the question or not. From
/// `undecided_from` on fragments wait for the disk: nothing can be said yet.
media::TimelineAnswer make_timeline(store::Coverage stored, const LiveRecording& live,
                                    TimeRange within, std::optional<WallTime> last,
                                    std::optional<WallTime> undecided_from, WallTime wall_now);

/// The live index with the times that its runs were given later: a run recorded under a wrong clock was redated, and its
/// segments are not in the catalog yet. Mostly there is none, and it is the same snapshot.
LiveRecordingPtr redate(LiveRecordingPtr live, const RecordingFacts::Redates& redates);

/// Gaps told a moment ago, which the catalog may not have yet.
void add_recent(const RecordingFacts::Recent& recent, store::Coverage& stored);

/// In order of their starts, at most `limit`.
std::vector<SegmentInfo> merge_segments(const std::vector<store::SegmentRow>& rows,
                                        const LiveRecording& live, TimeRange within,
                                        std::size_t limit);

/// Null when it is not there.
const LiveSegment* find_live(const LiveRecording& live, media::SegmentId id);

/// What the catalog's row adds to a status.
void add_stored(const store::RecordingRow& row, RecordingStatus& status);
/// What is live and not in the catalog yet.
Result<void> add_live(store::CatalogReader& catalog, const LiveRecording& live,
                      RecordingStatus& status);

}  // namespace longtake::archive
