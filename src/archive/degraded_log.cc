#include "archive/degraded_log.h"

#include <algorithm>
#include <utility>

namespace longtake::archive {

void DegradedLog::add(TimeRange range, media::Reason reason, std::uint64_t count) {
  const auto open = std::ranges::find(windows_, reason, &Window::reason);
  if (open == windows_.end()) {
    windows_.push_back({reason, range, count});
    return;
  }
  // Also when the clock has stepped back: what lies before the window is not inside it.
  if (range.start >= open->range.start + kWindow || range.end < open->range.start) {
    tell(*open, WallTime::max());
    *open = {reason, range, count};
    return;
  }
  open->range = {std::min(open->range.start, range.start), std::max(open->range.end, range.end)};
  open->count += count;
}

void DegradedLog::flush_due(WallTime now) {
  std::erase_if(windows_, [&](const Window& window) {
    if (now < window.range.start + kWindow) return false;
    tell(window, now);
    return true;
  });
}

void DegradedLog::flush(WallTime end) {
  for (const Window& window : std::exchange(windows_, {})) tell(window, end);
}

void DegradedLog::shift(microseconds by) {
  for (Window& window : windows_) {
    window.range.start += by;
    window.range.end += by;
  }
}

void DegradedLog::tell(const Window& window, WallTime end) {
  TimeRange range = window.range;
  range.end = std::max(range.end, std::min(range.start + kWindow, end));
  if (range.is_empty()) range.end = range.start + microseconds(1);
  facts_.append(store::DegradedNoted{recording_, range, window.reason, window.count});
}

}  // namespace longtake::archive
