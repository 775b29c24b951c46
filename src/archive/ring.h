#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "archive/pending_fragment.h"
#include "media/coverage.h"

namespace longtake::archive {

/// Whether this fragment is what its recording's spans are made of: video, or audio where the run has no video.
bool is_covering(const PendingFragment& fragment);

/// What of one recording waits for the disk, in order, and how it gives way: whole GOPs, oldest first.
///
/// Units      duration on the wall clock, of covering fragments.
/// Thread     confined to its owner's lock.
/// Limits     none of its own; its owner drops while it is too long.
class Ring {
 public:
  struct Item {
    PendingFragment fragment;
    bool is_finish = false;   // a marker, no fragment: close the segment here
    bool is_rewrite = false;  // was in a file that failed
  };
  /// What was given up. `ranges` is empty when only sound went.
  struct Dropped {
    media::TimeRanges ranges;
    std::size_t bytes = 0;
    std::size_t fragments = 0;
  };

  /// Gives back what was dropped at once: a fragment that needs a key frame which was dropped.
  [[nodiscard]] std::optional<Dropped> push(PendingFragment fragment);
  void push_finish();
  /// The next fragment pushed begins a segment, whatever it says itself.
  void owe_segment_start() { starts_segment_ = true; }
  /// In front of all that waits.
  void push_front(Item item);
  [[nodiscard]] std::optional<Item> pop();
  /// From the oldest fragment to the next key frame, or, where none waits, all there is and all that comes before one.
  /// Nothing when no fragment waits. A segment start that falls into it moves to what follows.
  std::optional<Dropped> drop_oldest_gop();

  [[nodiscard]] bool is_empty() const { return items_.empty(); }
  [[nodiscard]] microseconds duration() const { return duration_; }
  /// Of fragments that wait to be written a second time.
  [[nodiscard]] std::optional<WallTime> first_rewrite() const;
  /// Of the fragments that wait: where the earliest one that covers begins.
  [[nodiscard]] std::optional<WallTime> first_waiting() const;

 private:
  void account(const PendingFragment& fragment, int sign);
  static void add_to(Dropped& dropped, const PendingFragment& fragment);

  std::deque<Item> items_;
  microseconds duration_{0};
  bool needs_key_ = false;       // the rest of a dropped GOP may still come
  bool starts_segment_ = false;  // owed to the next fragment pushed
};

}  // namespace longtake::archive
