#include <algorithm>
#include <utility>

#include "archive/open_segment.h"
#include "archive/recording_writer.h"
#include "base/kill_point.h"

// The writer's part of RecordingWriter: from the ring into files, and out of files that failed.
namespace longtake::archive {
namespace {

constexpr nanoseconds kRetryCut = seconds(5);
/// Runs whose sequence numbers are remembered; an older one never comes back (its fragments left the ring long ago).
constexpr std::size_t kRememberedRuns = 64;

/// The index of the fragments that end at or before `end_bytes`.
std::shared_ptr<const media::FragmentIndex> cut_index(const media::FragmentIndex& index,
                                                      std::uint64_t end_bytes) {
  auto cut = std::make_shared<media::FragmentIndex>(index);
  std::erase_if(cut->fragments, [&](const media::FragmentEntry& entry) {
    return entry.offset_bytes + entry.size_bytes > end_bytes;
  });
  return cut;
}

}  // namespace

bool RecordingWriter::drain(std::size_t limit) {
  has_work_.store(false, std::memory_order_release);
  retire_failed();
  cut_abandoned();
  bool can_go_on = true;
  for (std::size_t count = 0; can_go_on && count < limit && disk_.health.is_healthy(); ++count) {
    std::optional<Ring::Item> item;
    {
      const base::MutexLock lock(mutex_);
      item = ring_.pop();
      is_in_flight_ = item.has_value();
      in_flight_from_.reset();
      if (item && !item->is_finish && is_covering(item->fragment)) {
        in_flight_from_ = item->fragment.covered().start;
        is_in_flight_rewrite_ = item->is_rewrite;
      }
    }
    if (!item) break;
    can_go_on = item->is_finish ? finish_current() : write(std::move(*item));
    const base::MutexLock lock(mutex_);
    is_in_flight_ = false;
    in_flight_from_.reset();
  }
  std::vector<store::GapNoted> notes;
  bool is_more = false;
  bool is_awaited = false;
  {
    const base::MutexLock lock(mutex_);
    is_more = !ring_.is_empty();
    // Written again, or nothing more to come: what was lost before it is over.
    notes = take_notes(can_go_on && disk_.health.is_healthy() ? Flush::kAll : Flush::kDue);
    const bool is_unfinished =
        std::ranges::any_of(segments_, [](const std::shared_ptr<Segment>& segment) {
          return segment->phase == Segment::Phase::kFailed ||
                 segment->phase == Segment::Phase::kAbandoned;
        });
    is_awaited = !is_more && !settled_waiters_.empty();
    if (is_more || is_unfinished) has_work_.store(true, std::memory_order_release);
  }
  tell(std::move(notes));
  if (is_awaited) wake_committer_();
  return is_more && disk_.health.is_healthy();
}

bool RecordingWriter::needs_new_segment(const PendingFragment& fragment) const {
  if (fragment.starts_segment) return true;
  const base::MutexLock lock(mutex_);
  const media::FragmentIndex& index = *current_->index;
  return index.segment.run != fragment.run->id || index.tracks != fragment.run->tracks;
}

bool RecordingWriter::write(Ring::Item item) {
  std::shared_ptr<Segment> current;
  std::vector<store::GapNoted> notes;
  {
    const base::MutexLock lock(mutex_);
    current = current_;
    notes = take_notes(Flush::kAll);  // what was lost before this fragment is over
  }
  // Before the fragment shows: nobody sees the far side of a hole without its reason.
  tell(std::move(notes));
  if (current != nullptr && needs_new_segment(item.fragment)) {
    static_cast<void>(
        finish_current());  // a failure costs that file; this fragment goes into the next one
    current = nullptr;
  }
  if (current == nullptr) {
    disk_.health.begin_call();
    auto created = create_segment(item.fragment);
    disk_.health.end_call();
    if (!created) {
      known_day_.clear();  // somebody may have removed it
      if (created.error().code() == ErrorCode::kInvalidArgument) {
        give_up_fragment(item, created.error(), media::Reason::kUnsupportedMedia);
        return true;
      }
      on_disk_failure(std::move(item), created.error());
      return false;
    }
    current = std::move(*created);
  }
  disk_.health.begin_call();
  const SegmentWriter::Outcome outcome = current->writer->append(item.fragment);
  disk_.health.end_call();
  switch (outcome.culprit) {
    case SegmentWriter::Culprit::kNone:
      return on_written(std::move(item));
    case SegmentWriter::Culprit::kFragment:
      give_up_fragment(item, outcome.result.error(),
                       outcome.result.error().code() == ErrorCode::kResourceExhausted
                           ? media::Reason::kOversize
                           : media::Reason::kBadTimestamps);
      return true;
    case SegmentWriter::Culprit::kDisk:
      on_disk_failure(std::move(item), outcome.result.error());
      return false;
  }
  return false;
}

bool RecordingWriter::on_written(Ring::Item item) {
  disk_.metrics.fragments.add();
  disk_.metrics.bytes.add(static_cast<double>(item.fragment.payload_bytes));
  if (item.is_rewrite) disk_.metrics.rewritten.add();
  {
    const base::MutexLock lock(mutex_);
    if (current_->phase == Segment::Phase::kFailed) {
      // The committer lost the file while we wrote into it.
      item.is_rewrite = true;
      ring_.push_front(std::move(item));
      return false;
    }
    Segment& segment = *current_;
    segment.index = std::make_shared<const media::FragmentIndex>(segment.writer->index());
    segment.written_bytes = segment.index->end_bytes();
    Segment::Retained retained{std::move(item.fragment), segment.written_bytes};
    retained.is_covering = is_covering(retained.fragment);
    retained_duration_ += retained.duration();
    segment.retained.push_back(std::move(retained));
    publish();
  }
  return true;
}

void RecordingWriter::give_up_fragment(const Ring::Item& item, const Error& error,
                                       media::Reason reason) {
  LT_LOG(disk_.logger, kError, "fragment.refused", {"recording", folder_.name},
         {"error", error.message()});
  Ring::Dropped dropped;
  dropped.bytes = item.fragment.payload_bytes;
  dropped.fragments = 1;
  if (is_covering(item.fragment)) dropped.ranges.add(item.fragment.covered());
  const base::MutexLock lock(mutex_);
  lose(dropped, reason);
}

void RecordingWriter::on_disk_failure(Ring::Item item, const Error& error) {
  const bool is_full = error.code() == ErrorCode::kResourceExhausted;
  {
    const base::MutexLock lock(mutex_);
    ring_.push_front(std::move(item));
    // Without room the file is as good as it was, and the same bytes go to the same place later. After any other failure
    // nobody knows what is in it.
    if (!is_full && current_ != nullptr) fail_segment(*current_);
  }
  if (is_full) {
    disk_.health.on_full(error.message());
  } else {
    disk_.health.on_failure(error);
  }
}

// ---- Segments ----

Result<std::shared_ptr<RecordingWriter::Segment>> RecordingWriter::create_segment(
    const PendingFragment& first) {
  auto segment = std::make_shared<Segment>();
  segment->id = {first.run->id, ++next_sequence_[first.run->id]};
  while (next_sequence_.size() > kRememberedRuns) next_sequence_.erase(next_sequence_.begin());
  segment->day = to_day(first.covered().start);
  segment->path = segment_path(folder_.path, segment->day, segment->id);
  const std::string folder = base::join_path(folder_.path, segment->day);

  // invariant A3: nothing is synced here. The commit that first covers the file syncs these folders too, so that one
  // recording's new segment never makes the others wait.
  segment->folders_to_sync.push_back(folder);
  if (segment->day != known_day_) {
    auto made = disk_.files.make_directory(folder);
    if (!made && made.error().code() == ErrorCode::kNotFound) {
      // The recording's own folder is gone, by somebody else's hand. Its name says enough to go on.
      made = base::make_directories(disk_.files, folder);
    }
    LT_TRY(std::move(made));
    base::kill_point("segment.day_made");
  }
  bool is_day_durable = segment->day == known_day_;
  {
    const base::MutexLock lock(mutex_);
    is_day_durable = is_day_durable && segment->day == durable_day_;
  }
  // Not only with the day's first file: that one may fail before its commit.
  if (!is_day_durable) segment->folders_to_sync.push_back(folder_.path);
  LT_ASSIGN(segment->writer,
            SegmentWriter::create(disk_.files, segment->path, folder_.id, segment->id, first));
  known_day_ = segment->day;
  if (segment->writer->is_reserve_unsupported() && !said_no_reserve_) {
    said_no_reserve_ = true;
    LT_LOG(disk_.logger, kWarning, "segment.no_reserve", {"recording", folder_.name},
           {"detail", "this file system reserves no space ahead; a full disk shows at the write"});
  }
  segment->index = std::make_shared<const media::FragmentIndex>(segment->writer->index());
  segment->written_bytes = segment->index->end_bytes();
  disk_.metrics.segments.add();
  {
    const base::MutexLock lock(mutex_);
    current_ = segment;
    segments_.push_back(segment);
  }
  facts_.append(store::SegmentOpened{folder_.id, segment->id, segment->day, first.covered().start});
  base::kill_point("segment.opened");
  return segment;
}

bool RecordingWriter::finish_current() {
  std::shared_ptr<Segment> segment;
  std::optional<store::DegradedNoted> lost_sound;
  bool is_worth_a_row = true;
  {
    const base::MutexLock lock(mutex_);
    segment = std::exchange(current_, nullptr);
    if (segment == nullptr || segment->phase != Segment::Phase::kWriting) return true;
    is_worth_a_row = !segment->index->spans().empty();
    if (!is_worth_a_row) lost_sound = give_up_sound(*segment);
  }
  if (lost_sound) facts_.append(*lost_sound);
  if (!is_worth_a_row) return true;
  disk_.health.begin_call();
  const Result<void> finished = segment->writer->finish();
  disk_.health.end_call();
  {
    const base::MutexLock lock(mutex_);
    if (segment->phase != Segment::Phase::kWriting) return true;
    if (finished) {
      segment->size_bytes = segment->writer->size_bytes();
      segment->has_summary = segment->writer->has_summary();
      segment->phase = Segment::Phase::kFinished;
      return true;
    }
    fail_segment(*segment);
  }
  disk_.health.on_failure(finished.error());
  return false;
}

/// A file with sound and no picture: its one video fragment was refused, or was durable in a file that failed behind it.
/// Written again it would be such a file again.
std::optional<store::DegradedNoted> RecordingWriter::give_up_sound(Segment& segment) {
  std::optional<store::DegradedNoted> lost;
  for (const Segment::Retained& retained : segment.retained) {
    if (!retained.is_released) disk_.budget.give_back(retained.fragment.payload_bytes);
    disk_.metrics.dropped.add();
    const TimeRange range = retained.fragment.covered();
    if (!lost) lost = store::DegradedNoted{folder_.id, range, media::Reason::kAudioLost, 0};
    lost->range = {std::min(lost->range.start, range.start), std::max(lost->range.end, range.end)};
    ++lost->count;
  }
  segment.retained.clear();
  fail_segment(segment);
  return lost;
}

// ---- Files that failed ----

void RecordingWriter::retire_failed() {
  const base::MutexLock lock(mutex_);
  bool is_any = false;
  // Newest first, each in front of what is there: the ring then begins with the oldest.
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
    Segment& segment = **at;
    if (segment.phase != Segment::Phase::kFailed) continue;
    is_any = true;
    const bool is_current = *at == current_;
    if (is_current) current_ = nullptr;
    requeue(segment, is_current);
    // invariant A4: readers see no more of it than what is durable.
    segment.index = cut_index(*segment.index, segment.durable_bytes);
    segment.written_bytes = segment.index->end_bytes();
    segment.phase = Segment::Phase::kAbandoned;
  }
  if (is_any) publish();
}

void RecordingWriter::requeue(Segment& segment, bool is_current) {
  const bool is_anything_kept = std::ranges::any_of(
      segment.retained, [](const Segment::Retained& r) { return !r.is_released; });
  if (is_anything_kept && !is_current) {
    // These go into a file of their own; what comes after them has one already, or begins another.
    if (auto next = ring_.pop()) {
      next->fragment.starts_segment = true;
      ring_.push_front(std::move(*next));
    } else {
      ring_.owe_segment_start();
    }
  }
  std::optional<Ring::Item> first;
  for (auto at = segment.retained.rbegin(); at != segment.retained.rend(); ++at) {
    if (at->is_released) {
      if (at->is_covering) note_loss(at->fragment.covered(), media::Reason::kDiskError);
      continue;
    }
    retained_duration_ -= at->duration();
    if (first) ring_.push_front(std::move(*first));
    first = Ring::Item{std::move(at->fragment), /*is_finish=*/false, /*is_rewrite=*/true};
  }
  if (first) {
    first->fragment.starts_segment = true;
    ring_.push_front(std::move(*first));
  }
  segment.retained.clear();
}

void RecordingWriter::cut_abandoned() {
  if (!disk_.health.is_healthy() || disk_.clock.now() < retry_cut_at_) return;
  std::vector<std::shared_ptr<Segment>> abandoned;
  {
    const base::MutexLock lock(mutex_);
    for (const std::shared_ptr<Segment>& segment : segments_) {
      if (segment->phase == Segment::Phase::kAbandoned) abandoned.push_back(segment);
    }
  }
  for (const std::shared_ptr<Segment>& segment : abandoned) {
    if (const Result<void> done = cut(*segment); !done) {
      LT_LOG(disk_.logger, kWarning, "segment.cut_failed", {"file", segment->path},
             {"error", done.error().message()}, {"next_try", kRetryCut});
      retry_cut_at_ = disk_.clock.now() + kRetryCut;
      return;
    }
  }
}

Result<void> RecordingWriter::cut(Segment& segment) {
  const bool is_empty = segment.index->fragments.empty();
  const std::vector<TimeRange> spans = segment.index->spans();
  if (is_empty || spans.empty()) {
    auto removed = disk_.files.remove(segment.path);
    if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
    LT_TRY(disk_.files.sync_directory(base::join_path(folder_.path, segment.day)));
    facts_.append(store::SegmentDeleted{folder_.id, segment.id, media::Reason::kDiskError, {}});
    disk_.purge(folder_.id, segment.id);
    const base::MutexLock lock(mutex_);
    std::erase_if(segments_, [&](const auto& other) { return other.get() == &segment; });
    publish();
    return {};
  }
  // By a descriptor of its own: the old one has told of its failure once and would now call anything well. What is cut
  // off was never promised, and what stays was durable before the failure.
  const std::uint64_t end_bytes = segment.index->end_bytes();
  LT_ASSIGN(const std::unique_ptr<base::File> file,
            disk_.files.open(segment.path, base::OpenMode::kReadWrite));
  LT_TRY(file->truncate(end_bytes));
  base::kill_point("abandon.cut");
  LT_TRY(file->sync());
  base::kill_point("abandon.synced");
  // Told first: what is closed is forgotten once the catalog has every fact there is (invariant A10).
  facts_.append(store::SegmentClosed{folder_.id, segment.id, segment.day, end_bytes, spans,
                                     /*is_recovered=*/true});
  const base::MutexLock lock(mutex_);
  segment.phase = Segment::Phase::kClosed;
  segment.size_bytes = end_bytes;
  segment.writer.reset();
  publish();
  return {};
}

}  // namespace longtake::archive
