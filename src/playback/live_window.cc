#include "playback/live_window.h"

#include <algorithm>

namespace longtake::playback {

LiveWindow::Numbers LiveWindow::number(const std::string& recording, MediaList& list) {
  const base::MutexLock lock(mutex_);
  std::deque<Known>& known = known_[recording];
  const auto place_of = [&](const MediaPart& part) {
    return std::ranges::find_if(known, [&](const Known& one) {
      return one.run == part.run && one.start == part.range.start;
    });
  };
  for (MediaPart& part : list.parts) {
    if (place_of(part) != known.end()) continue;
    if (!known.empty() && part.range.start < known.back().start) continue;  // an older list's
    Known next{part.run, part.range.start, part.is_discontinuous, {}};
    if (!known.empty()) {
      // A list that does not touch what we know: nobody watched for a while.
      const bool is_apart = &part == &list.parts.front();
      next.is_discontinuous = part.is_discontinuous || is_apart;
      next.numbers.media = known.back().numbers.media + 1;
      next.numbers.discontinuity =
          known.back().numbers.discontinuity + (next.is_discontinuous ? 1 : 0);
    }
    known.push_back(next);
    if (known.size() > kRemembered) known.pop_front();
  }
  const auto first = place_of(list.parts.front());
  if (first == known.end()) return {};
  list.parts.front().is_discontinuous = first->is_discontinuous;
  return first->numbers;
}

}  // namespace longtake::playback
