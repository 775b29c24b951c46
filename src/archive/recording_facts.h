#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "media/coverage.h"
#include "store/fact.h"

namespace longtake::archive {

/// One recording's way into the ledger: of its recorder, its writer, and recovery.
///
/// Remembers three things that the catalog, which follows a moment later, cannot tell yet. When the recorder first said how
/// things are now, so that recovery can explain the time before, and no more than that. The gaps told lately, so that
/// a timeline does not miss the reason of a hole whose far side it sees already. And which runs of this life were recorded
/// under a wrong clock, and by how much: the files that are still live say the times they were written with.
///
/// Thread     any; facts keep the order in which they came.
/// Limits     remembers `kRecent` gaps and redates; of more, the oldest are found in the catalog or not at all for a
///            moment.
class RecordingFacts final : public store::FactSink {
 public:
  static constexpr std::size_t kRecent = 256;

  RecordingFacts(media::RecordingId recording, store::FactSink& below)
      : recording_(recording), below_(below) {}

  void append(store::Fact fact) override;
  /// Until the recorder's first word it is an open gap, which the recorder closes; after it, a gap
  /// that is over.
  void explain_downtime(WallTime from, media::Reason reason, std::string detail);

  struct Recent {
    std::vector<media::ReasonSpan> reasons;  // told, and perhaps not in the catalog
    /// The gap that was open is closed since then, whatever the catalog says; nothing while one is
    /// open, or while nobody has said.
    std::optional<WallTime> closed_at;
  };
  [[nodiscard]] Recent recent() const;
  /// By run: what to add to the times in its fragments.
  using Redates = std::map<media::RunId, microseconds>;
  [[nodiscard]] Redates redates() const;
  /// Changes with each fact about a gap or a redate.
  [[nodiscard]] std::uint64_t version() const;
  /// How many gaps were ever told; and: so many of them are in the catalog.
  [[nodiscard]] std::uint64_t told() const;
  void applied(std::uint64_t told);

 private:
  void remember(const store::Fact& fact) LT_REQUIRES(mutex_);
  void remember(media::ReasonSpan reason) LT_REQUIRES(mutex_);
  void end_open_gap(WallTime at) LT_REQUIRES(mutex_);

  const media::RecordingId recording_;
  store::FactSink& below_;
  // Held across `below_.append`, which waits for nothing: it is the order that is guarded.
  mutable base::Mutex mutex_;
  std::optional<WallTime> ended_
      LT_GUARDED_BY(mutex_);  // the downtime, by the recorder's first word
  std::optional<WallTime> closed_at_ LT_GUARDED_BY(mutex_);
  std::deque<media::ReasonSpan> recent_ LT_GUARDED_BY(mutex_);
  Redates redates_ LT_GUARDED_BY(mutex_);
  std::uint64_t told_ LT_GUARDED_BY(mutex_) = 0;
  std::uint64_t version_ LT_GUARDED_BY(mutex_) = 0;
};

}  // namespace longtake::archive
