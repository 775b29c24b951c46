#include "archive/ring.h"

#include <algorithm>

namespace longtake::archive {
namespace {

bool is_key(const PendingFragment& fragment) { return fragment.is_sync && is_covering(fragment); }

}  // namespace

bool is_covering(const PendingFragment& fragment) {
  bool has_video = false;
  for (const media::TrackConfigPtr& track : fragment.run->tracks) {
    const bool is_video = track->kind == media::TrackKind::kVideo;
    if (track->track == fragment.track) {
      if (is_video) return true;
      if (track->kind != media::TrackKind::kAudio) return false;
    }
    has_video = has_video || is_video;
  }
  return !has_video;
}

void Ring::account(const PendingFragment& fragment, int sign) {
  if (is_covering(fragment)) duration_ += sign * (fragment.bridge + fragment.wall_duration);
}

void Ring::add_to(Dropped& dropped, const PendingFragment& fragment) {
  dropped.bytes += fragment.payload_bytes;
  ++dropped.fragments;
  if (is_covering(fragment)) dropped.ranges.add(fragment.covered());
}

std::optional<Ring::Dropped> Ring::push(PendingFragment fragment) {
  if (needs_key_ && !is_key(fragment)) {
    starts_segment_ = starts_segment_ || fragment.starts_segment;
    Dropped dropped;
    add_to(dropped, fragment);
    return dropped;
  }
  needs_key_ = false;
  fragment.starts_segment = fragment.starts_segment || starts_segment_;
  starts_segment_ = false;
  account(fragment, 1);
  items_.push_back({std::move(fragment)});
  return std::nullopt;
}

void Ring::push_finish() {
  items_.push_back({{}, /*is_finish=*/true});
  // What comes next begins a segment, and a recorder begins one with a key frame.
  needs_key_ = false;
}

void Ring::push_front(Item item) {
  if (!item.is_finish) account(item.fragment, 1);
  items_.push_front(std::move(item));
}

std::optional<Ring::Item> Ring::pop() {
  if (items_.empty()) return std::nullopt;
  Item item = std::move(items_.front());
  items_.pop_front();
  if (!item.is_finish) account(item.fragment, -1);
  return item;
}

std::optional<Ring::Dropped> Ring::drop_oldest_gop() {
  Dropped dropped;
  bool starts_segment = false;
  const bool ends_open = !items_.empty() && !items_.back().is_finish;
  auto at = items_.begin();
  while (at != items_.end()) {
    if (at->is_finish) {  // a marker stays: it closes what is already in a file
      ++at;
      continue;
    }
    if (dropped.fragments != 0 && is_key(at->fragment)) {
      at->fragment.starts_segment = at->fragment.starts_segment || starts_segment;
      return dropped;
    }
    add_to(dropped, at->fragment);
    account(at->fragment, -1);
    starts_segment = starts_segment || at->fragment.starts_segment;
    at = items_.erase(at);
  }
  if (dropped.fragments == 0) return std::nullopt;
  needs_key_ = ends_open;  // behind a marker a new segment begins anyway
  starts_segment_ = starts_segment_ || starts_segment;
  return dropped;
}

std::optional<WallTime> Ring::first_rewrite() const {
  std::optional<WallTime> first;
  for (const Item& item : items_) {
    if (!item.is_rewrite) break;  // they are always in front
    const WallTime start = item.fragment.covered().start;
    first = first ? std::min(*first, start) : start;
  }
  return first;
}

std::optional<WallTime> Ring::first_waiting() const {
  std::optional<WallTime> first;
  for (const Item& item : items_) {
    if (item.is_finish || !is_covering(item.fragment)) continue;
    const WallTime start = item.fragment.covered().start;
    first = first ? std::min(*first, start) : start;
  }
  return first;
}

}  // namespace longtake::archive
