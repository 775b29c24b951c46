#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "archive/live_index.h"
#include "archive/media_scan.h"
#include "archive/pending_fragment.h"
#include "archive/ring.h"
#include "archive/ring_budget.h"
#include "archive/segment_writer.h"
#include "archive/volume_health.h"
#include "archive/writer_metrics.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/file_system.h"
#include "base/log.h"
#include "base/mutex.h"
#include "store/fact.h"

namespace longtake::archive {

/// What all recordings of a volume share on their way to the disk.
struct DiskContext {
  base::FileSystem& files;
  base::Clock& clock;
  base::Logger& logger;
  VolumeHealth& health;
  RingBudget& budget;
  WriterMetrics& metrics;
  /// A deleted segment's file is gone for certain (store::Store::purge).
  std::function<void(media::RecordingId, media::SegmentId)> purge;
};

/// One recording on its way to the disk: the ring, the open segment, and those that are not yet durable or not yet listed.
///
///     shard ──submit──► ring ──writer: drain──► segment file ──committer: collect, committed──► durable
///                        ▲                         │ failed
///                        └── what was not durable ─┘
///
/// A fragment stays in memory until it is durable, so that after a failed write or sync it goes into another file.
///
/// Thread     `submit`, `finish_segment` on the shard; the writer's and the committer's part on theirs; the rest anywhere.
///            The lock is held across no file call and no fact.
/// Limits     limits::kRingLength of media, written or not, and the volume's RingBudget. Past that, first the copies of
///            what is written are given up (lost only if the disk then fails), then whole GOPs, oldest first.
/// Source     docs/design/archive.md, "Writing"; invariants A3 to A8.
class RecordingWriter final : public FragmentSink {
 public:
  RecordingWriter(RecordingFolder folder, DiskContext& disk, store::FactSink& facts,
                  std::function<void()> wake_writer, std::function<void()> wake_committer);
  ~RecordingWriter() override;

  void submit(PendingFragment fragment) override;
  void finish_segment() override;
  /// Runs `done`, on the committer's thread, once everything submitted so far is durable, closed and ledgered.
  void on_settled(base::Task done);
  [[nodiscard]] bool is_settled() const;

  [[nodiscard]] const RecordingFolder& folder() const { return folder_; }
  [[nodiscard]] const LiveIndex& live() const { return live_; }
  /// Where the earliest fragment begins that was submitted and is in no file: from there on nobody
  /// can say yet what is recorded.
  [[nodiscard]] std::optional<WallTime> undecided_from() const;
  /// Changes with each submit and each new live index: equal before and after, nothing moved between.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  [[nodiscard]] RunInfoPtr last_run() const;  // nothing was submitted in this life: null
  [[nodiscard]] std::optional<MonotonicTime> last_submit() const;

  // The writer's part.

  [[nodiscard]] bool has_work() const { return has_work_.load(std::memory_order_acquire); }
  /// Writes at most `limit` of what waits; stops early when the volume is not healthy. True when more can be done now.
  bool drain(std::size_t limit);
  /// Nothing in a file that is open now can be trusted any more (a folder could not be synced): all of them are left at
  /// their durable place, and what follows it is written again.
  void distrust_open_segments();

  /// Tells of all that was lost, also of what may go on: the program ends.
  void tell_all();

  // The committer's part.

  struct Segment;
  struct CommitItem {
    RecordingWriter* recording = nullptr;
    std::shared_ptr<Segment> segment;
    std::shared_ptr<SegmentWriter> writer;
    std::uint64_t end_bytes = 0;       // of the last fragment written when it was collected
    bool is_finished = false;          // closed by the writer: the sync completes it
    std::vector<std::string> folders;  // whose names are not yet durable
  };
  /// Adds what is not durable yet.
  void collect(std::vector<CommitItem>& items);
  /// The item's file and folders are durable, or never will be trusted again.
  void committed(const CommitItem& item, const Result<void>& result);
  /// Segments that the ledger calls closed and that the live index still shows.
  [[nodiscard]] std::vector<media::SegmentId> closed_segments() const;
  /// The catalog lists it now.
  void forget(media::SegmentId segment);
  /// Those who wait for `is_settled`, if it is.
  std::vector<base::Task> take_settled();

 private:
  enum class Flush { kDue, kAll };

  bool write(Ring::Item item);
  Result<std::shared_ptr<Segment>> create_segment(const PendingFragment& first);
  [[nodiscard]] bool needs_new_segment(const PendingFragment& fragment) const;
  bool on_written(Ring::Item item);
  void on_disk_failure(Ring::Item item, const Error& error);
  bool finish_current();
  void give_up_fragment(const Ring::Item& item, const Error& error, media::Reason reason);
  void retire_failed();
  void cut_abandoned();
  Result<void> cut(Segment& segment);
  void tell(std::vector<store::GapNoted> notes);

  void lose(const Ring::Dropped& dropped, media::Reason reason) LT_REQUIRES(mutex_);
  void note_loss(TimeRange range, media::Reason reason) LT_REQUIRES(mutex_);
  std::vector<store::GapNoted> take_notes(Flush flush) LT_REQUIRES(mutex_);
  void shed(std::size_t incoming_bytes) LT_REQUIRES(mutex_);
  bool release_oldest(std::size_t& freed_bytes) LT_REQUIRES(mutex_);
  void advance_durable(Segment& segment, std::uint64_t end_bytes) LT_REQUIRES(mutex_);
  void fail_segment(Segment& segment) LT_REQUIRES(mutex_);
  void requeue(Segment& segment, bool is_current) LT_REQUIRES(mutex_);
  std::optional<store::DegradedNoted> give_up_sound(Segment& segment) LT_REQUIRES(mutex_);
  void publish() LT_REQUIRES(mutex_);
  [[nodiscard]] WallTime durable_until() const LT_REQUIRES(mutex_);
  [[nodiscard]] bool is_settled_now() const LT_REQUIRES(mutex_);

  const RecordingFolder folder_;
  DiskContext& disk_;
  store::FactSink& facts_;
  const std::function<void()> wake_writer_;
  const std::function<void()> wake_committer_;
  LiveIndex live_;
  std::atomic<bool> has_work_{false};
  std::atomic<std::uint64_t> version_{0};

  // The writer's alone.
  std::string known_day_;  // its folder is there
  std::map<media::RunId, std::uint32_t> next_sequence_;
  MonotonicTime retry_cut_at_;
  bool said_no_reserve_ = false;

  mutable base::Mutex mutex_;
  Ring ring_ LT_GUARDED_BY(mutex_);
  bool is_in_flight_ LT_GUARDED_BY(mutex_) = false;
  std::optional<WallTime> in_flight_from_ LT_GUARDED_BY(mutex_);  // if it covers
  bool is_in_flight_rewrite_ LT_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Segment> current_ LT_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Segment>> segments_
      LT_GUARDED_BY(mutex_);  // oldest first; current_ is the last
  microseconds retained_duration_ LT_GUARDED_BY(mutex_){0};
  std::vector<store::GapNoted> notes_ LT_GUARDED_BY(mutex_);  // the last one may still grow
  WallTime durable_end_ LT_GUARDED_BY(mutex_);
  media::RunId durable_run_ LT_GUARDED_BY(mutex_);  // of the media that ends there
  std::string durable_day_ LT_GUARDED_BY(mutex_);   // its folder's name was synced
  std::vector<base::Task> settled_waiters_ LT_GUARDED_BY(mutex_);
  RunInfoPtr last_run_ LT_GUARDED_BY(mutex_);
  std::optional<MonotonicTime> last_submit_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::archive
