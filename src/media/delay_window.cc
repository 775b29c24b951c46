#include "media/delay_window.h"

namespace longtake::media {

namespace {

constexpr microseconds kWindow = std::chrono::minutes(1);
constexpr microseconds kStep = seconds(1);

}  // namespace

void DelayWindow::add(microseconds receipt, microseconds delay) {
  const microseconds step = receipt - receipt % kStep;
  while (!minima_.empty() && minima_.back().delay >= delay) minima_.pop_back();
  if (minima_.empty() || minima_.back().receipt < step) minima_.push_back({step, delay});
  while (minima_.front().receipt < step - kWindow) minima_.pop_front();
}

std::optional<microseconds> DelayWindow::least() const {
  if (minima_.empty()) return std::nullopt;
  return minima_.front().delay;
}

}  // namespace longtake::media
