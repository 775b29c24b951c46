#include "archive/recording_writer.h"

#include <algorithm>
#include <utility>

#include "archive/open_segment.h"
#include "base/kill_point.h"
#include "base/limits.h"

// The shard's and the committer's part; the writer's is in recording_drain.cc.
namespace longtake::archive {
namespace {

constexpr microseconds kRingLength = std::chrono::duration_cast<microseconds>(limits::kRingLength);
/// A stretch of dropped media is told at least this often while it grows.
constexpr microseconds kLongNote = seconds(10);

}  // namespace

RecordingWriter::RecordingWriter(RecordingFolder folder, DiskContext& disk, store::FactSink& facts,
                                 std::function<void()> wake_writer,
                                 std::function<void()> wake_committer)
    : folder_(std::move(folder)),
      disk_(disk),
      facts_(facts),
      wake_writer_(std::move(wake_writer)),
      wake_committer_(std::move(wake_committer)) {}

RecordingWriter::~RecordingWriter() = default;

void RecordingWriter::submit(PendingFragment fragment) {
  std::vector<store::GapNoted> notes;
  {
    const base::MutexLock lock(mutex_);
    version_.fetch_add(1, std::memory_order_release);
    last_submit_ = disk_.clock.now();
    last_run_ = fragment.run;
    const std::size_t bytes = fragment.payload_bytes;
    disk_.budget.take(bytes);
    if (const auto dropped = ring_.push(std::move(fragment))) {
      lose(*dropped, disk_.health.drop_reason());
    }
    shed(bytes);
    notes = take_notes(Flush::kDue);
  }
  tell(std::move(notes));
  has_work_.store(true, std::memory_order_release);
  wake_writer_();
}

void RecordingWriter::finish_segment() {
  {
    const base::MutexLock lock(mutex_);
    ring_.push_finish();
  }
  has_work_.store(true, std::memory_order_release);
  wake_writer_();
}

void RecordingWriter::on_settled(base::Task done) {
  {
    const base::MutexLock lock(mutex_);
    settled_waiters_.push_back(std::move(done));
  }
  wake_writer_();
  wake_committer_();
}

bool RecordingWriter::is_settled() const {
  const base::MutexLock lock(mutex_);
  return is_settled_now();
}

bool RecordingWriter::is_settled_now() const {
  return ring_.is_empty() && !is_in_flight_ && current_ == nullptr &&
         std::ranges::all_of(segments_, [](const std::shared_ptr<Segment>& segment) {
           return segment->phase == Segment::Phase::kClosed;
         });
}

std::vector<base::Task> RecordingWriter::take_settled() {
  const base::MutexLock lock(mutex_);
  if (settled_waiters_.empty() || !is_settled_now()) return {};
  return std::exchange(settled_waiters_, {});
}

std::optional<WallTime> RecordingWriter::undecided_from() const {
  const base::MutexLock lock(mutex_);
  const std::optional<WallTime> waiting = ring_.first_waiting();
  if (!waiting || !in_flight_from_) return waiting ? waiting : in_flight_from_;
  return std::min(*waiting, *in_flight_from_);
}

RunInfoPtr RecordingWriter::last_run() const {
  const base::MutexLock lock(mutex_);
  return last_run_;
}

std::optional<MonotonicTime> RecordingWriter::last_submit() const {
  const base::MutexLock lock(mutex_);
  return last_submit_;
}

// ---- Giving way ----

void RecordingWriter::shed(std::size_t incoming_bytes) {
  std::size_t freed_bytes = 0;
  const auto is_too_much = [&]() LT_REQUIRES(mutex_) {
    if (ring_.duration() + retained_duration_ > kRingLength) return true;
    // Over the common budget each gives twice what it brings: the total shrinks, and nobody pays for all.
    return disk_.budget.is_exceeded() && freed_bytes < 2 * incoming_bytes;
  };
  while (is_too_much()) {
    if (release_oldest(freed_bytes)) continue;
    const auto dropped = ring_.drop_oldest_gop();
    if (!dropped) break;
    freed_bytes += dropped->bytes;
    lose(*dropped, disk_.health.drop_reason());
  }
}

bool RecordingWriter::release_oldest(std::size_t& freed_bytes) {
  for (const std::shared_ptr<Segment>& segment : segments_) {
    for (Segment::Retained& retained : segment->retained) {
      if (retained.is_released) continue;
      retained.is_released = true;
      retained.fragment.samples = {};
      retained_duration_ -= retained.duration();
      freed_bytes += retained.fragment.payload_bytes;
      disk_.budget.give_back(retained.fragment.payload_bytes);
      disk_.metrics.released.add();
      return true;
    }
  }
  return false;
}

void RecordingWriter::lose(const Ring::Dropped& dropped, media::Reason reason) {
  disk_.budget.give_back(dropped.bytes);
  disk_.metrics.dropped.add(static_cast<double>(dropped.fragments));
  for (const TimeRange& range : dropped.ranges.ranges()) note_loss(range, reason);
}

void RecordingWriter::note_loss(TimeRange range, media::Reason reason) {
  if (!notes_.empty() && notes_.back().reason == reason && notes_.back().range.end >= range.start &&
      notes_.back().range.start <= range.start) {
    notes_.back().range.end = std::max(notes_.back().range.end, range.end);
    return;
  }
  notes_.push_back({folder_.id, range, reason, disk_.health.detail()});
}

std::vector<store::GapNoted> RecordingWriter::take_notes(Flush flush) {
  std::vector<store::GapNoted> due;
  if (notes_.empty()) return due;
  if (flush == Flush::kAll || notes_.back().range.length() >= kLongNote) {
    return std::exchange(notes_, {});
  }
  store::GapNoted growing = std::move(notes_.back());
  notes_.pop_back();
  due = std::exchange(notes_, {});
  notes_.push_back(std::move(growing));
  return due;
}

void RecordingWriter::tell(std::vector<store::GapNoted> notes) {
  for (store::GapNoted& note : notes) {
    LT_LOG(disk_.logger, kError, "recording.dropped", {"recording", folder_.name},
           {"reason", media::to_string(note.reason)}, {"from", note.range.start},
           {"duration", note.range.length()}, {"detail", note.detail});
    facts_.append(std::move(note));
  }
}

void RecordingWriter::tell_all() {
  std::vector<store::GapNoted> notes;
  {
    const base::MutexLock lock(mutex_);
    notes = take_notes(Flush::kAll);
  }
  tell(std::move(notes));
}

// ---- Committing ----

void RecordingWriter::collect(std::vector<CommitItem>& items) {
  const base::MutexLock lock(mutex_);
  for (const std::shared_ptr<Segment>& segment : segments_) {
    const bool is_finished = segment->phase == Segment::Phase::kFinished;
    if (segment->phase != Segment::Phase::kWriting && !is_finished) continue;
    if (!is_finished && segment->written_bytes == segment->durable_bytes) continue;
    items.push_back({this, segment, segment->writer, segment->written_bytes, is_finished,
                     segment->folders_to_sync});
  }
}

void RecordingWriter::committed(const CommitItem& item, const Result<void>& result) {
  std::optional<store::SegmentClosed> closed;
  {
    const base::MutexLock lock(mutex_);
    Segment& segment = *item.segment;
    const bool is_live =
        segment.phase == Segment::Phase::kWriting || segment.phase == Segment::Phase::kFinished;
    if (!is_live) return;  // the writer has given it up meanwhile
    if (!result) {
      fail_segment(segment);
    } else {
      segment.folders_to_sync.clear();
      if (std::ranges::find(item.folders, folder_.path) != item.folders.end()) {
        durable_day_ = segment.day;
      }
      advance_durable(segment, item.end_bytes);
      if (item.is_finished) {
        segment.phase = Segment::Phase::kClosed;
        segment.writer.reset();
        closed = {folder_.id,
                  segment.id,
                  segment.day,
                  segment.size_bytes,
                  segment.index->spans(),
                  /*is_recovered=*/!segment.has_summary};
      }
    }
    publish();
  }
  if (!result) {
    has_work_.store(true, std::memory_order_release);
    wake_writer_();
  }
  if (closed) {
    // invariant A5: the ledger calls a segment closed only after its last byte is durable.
    LT_LOG(disk_.logger, kDebug, "segment.closed", {"recording", folder_.name},
           {"segment", media::to_string(closed->segment)}, {"bytes", closed->size_bytes});
    facts_.append(std::move(*closed));
    base::kill_point("close.ledgered");
  }
}

void RecordingWriter::advance_durable(Segment& segment, std::uint64_t end_bytes) {
  segment.durable_bytes = end_bytes;
  while (!segment.retained.empty() && segment.retained.front().end_bytes <= end_bytes) {
    Segment::Retained& retained = segment.retained.front();
    if (!retained.is_released) {
      retained_duration_ -= retained.duration();
      disk_.budget.give_back(retained.fragment.payload_bytes);
    }
    if (const WallTime end = retained.fragment.covered().end;
        retained.is_covering && end > durable_end_) {
      durable_end_ = end;
      durable_run_ = segment.id.run;
    }
    segment.retained.pop_front();
  }
}

void RecordingWriter::fail_segment(Segment& segment) {
  segment.phase = Segment::Phase::kFailed;
  disk_.metrics.failures.add();
}

void RecordingWriter::distrust_open_segments() {
  {
    const base::MutexLock lock(mutex_);
    for (const std::shared_ptr<Segment>& segment : segments_) {
      if (segment->phase == Segment::Phase::kWriting ||
          segment->phase == Segment::Phase::kFinished) {
        fail_segment(*segment);
      }
    }
    publish();
  }
  has_work_.store(true, std::memory_order_release);
}

// ---- The live index ----

WallTime RecordingWriter::durable_until() const {
  // invariant A6: contiguous. Whatever is in a file, or was in one that failed, and is not durable ends it.
  std::optional<WallTime> first_missing = ring_.first_rewrite();
  if (in_flight_from_ && is_in_flight_rewrite_) {
    first_missing = first_missing ? std::min(*first_missing, *in_flight_from_) : in_flight_from_;
  }
  for (const std::shared_ptr<Segment>& segment : segments_) {
    for (const Segment::Retained& retained : segment->retained) {
      if (!retained.is_covering) continue;
      const WallTime start = retained.fragment.covered().start;
      first_missing = first_missing ? std::min(*first_missing, start) : start;
    }
  }
  return first_missing ? std::min(*first_missing, durable_end_) : durable_end_;
}

void RecordingWriter::publish() {
  auto next = std::make_shared<LiveRecording>();
  next->segments.reserve(segments_.size());
  for (const std::shared_ptr<Segment>& segment : segments_) {
    if (segment->index->fragments.empty()) continue;
    next->segments.push_back({segment->path, segment->index, segment->durable_bytes,
                              segment->phase == Segment::Phase::kClosed});
  }
  next->durable_until = durable_until();
  next->durable_run = durable_run_;
  live_.store(std::move(next));
  version_.fetch_add(1, std::memory_order_release);
}

std::vector<media::SegmentId> RecordingWriter::closed_segments() const {
  std::vector<media::SegmentId> closed;
  const base::MutexLock lock(mutex_);
  for (const std::shared_ptr<Segment>& segment : segments_) {
    if (segment->phase == Segment::Phase::kClosed) closed.push_back(segment->id);
  }
  return closed;
}

void RecordingWriter::forget(media::SegmentId id) {
  const base::MutexLock lock(mutex_);
  std::erase_if(segments_, [&](const std::shared_ptr<Segment>& segment) {
    return segment->id == id && segment->phase == Segment::Phase::kClosed;
  });
  publish();
}

}  // namespace longtake::archive
