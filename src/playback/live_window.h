#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/mutex.h"
#include "playback/media_list.h"

namespace longtake::playback {

/// Numbers the parts of sliding lists, so that a player that asks again knows which it has: the same part has the same
/// number for everybody, as long as the program runs.
///
/// Thread     any.
/// Limits     remembers `kRemembered` parts of each recording that somebody watched.
/// Source     RFC 8216 §4.3.3.2, §4.3.3.3, §6.2.2.
class LiveWindow {
 public:
  struct Numbers {
    std::uint64_t media = 0;          // of the list's first part
    std::uint64_t discontinuity = 0;  // discontinuities up to and with it
  };
  /// `list` has at least one part; what it says of its first part's discontinuity is corrected.
  Numbers number(const std::string& recording, MediaList& list);

 private:
  static constexpr std::size_t kRemembered = 256;
  struct Known {
    media::RunId run;
    WallTime start;
    bool is_discontinuous = false;
    Numbers numbers;
  };
  base::Mutex mutex_;
  std::map<std::string, std::deque<Known>> known_ LT_GUARDED_BY(mutex_);
};

}  // namespace longtake::playback
