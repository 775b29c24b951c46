#pragma once

#include "archive/archive.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "playback/playback.h"
#include "server/response.h"
#include "server/router.h"
#include "server/server.h"

namespace longtake::server {

/// The answers: each method is a route's handler.
///
/// Thread     any; keeps nothing between calls but what playback remembers of files.
/// Limits     31 days a timeline or list; 100,000 segments a list; more is refused, never cut.
/// Errors     as responses; a handler never fails otherwise.
class Api {
 public:
  Api(archive::Archive& archive, const CameraDirectory& cameras, const base::Metrics& metrics,
      const base::Clock& clock)
      : archive_(archive),
        cameras_(cameras),
        metrics_(metrics),
        clock_(clock),
        playback_(archive, clock) {}

  Response health(const Call& call) const;
  Response ready(const Call& call) const;
  Response metrics(const Call& call) const;
  Response openapi(const Call& call) const;
  Response recordings(const Call& call) const;
  Response recording(const Call& call) const;
  Response timeline(const Call& call) const;
  Response segments(const Call& call) const;
  Response segment(const Call& call) const;
  Response hls(const Call& call) const;
  Response hls_media(const Call& call) const;
  Response init_segment(const Call& call) const;
  Response media_segment(const Call& call) const;
  Response clip(const Call& call) const;

 private:
  /// `from` and `to` of the query with their defaults, checked.
  [[nodiscard]] Result<TimeRange> range_of(const Call& call) const;

  archive::Archive& archive_;
  const CameraDirectory& cameras_;
  const base::Metrics& metrics_;
  const base::Clock& clock_;
  mutable playback::Playback playback_;  // remembers what it read; any thread
};

}  // namespace longtake::server
