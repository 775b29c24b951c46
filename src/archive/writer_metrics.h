#pragma once

#include "base/metrics.h"

namespace longtake::archive {

/// What the disk half of the archive counts.
struct WriterMetrics {
  explicit WriterMetrics(base::Metrics& metrics)
      : fragments(metrics.counter("longtake_fragments_written_total",
                                  "Fragments written to segment files.")),
        bytes(metrics.counter("longtake_segment_bytes_written_total",
                              "Bytes of fragments written to segment files.")),
        rewritten(metrics.counter(
            "longtake_fragments_rewritten_total",
            "Fragments written again, into a new file, after a failed write or sync.")),
        dropped(metrics.counter("longtake_fragments_dropped_total",
                                "Fragments dropped because the disk did not take them.")),
        released(metrics.counter(
            "longtake_fragments_released_total",
            "Written fragments whose copy in memory was given up before the disk confirmed them.")),
        segments(metrics.counter("longtake_segments_opened_total", "Segment files begun.")),
        failures(metrics.counter("longtake_segment_failures_total",
                                 "Segment files given up after a failed write or sync.")),
        ring_bytes(
            metrics.gauge("longtake_ring_bytes", "Media in memory that is not yet durable.")),
        commit_seconds(metrics.histogram("longtake_commit_seconds",
                                         "Length of a commit: all dirty segments of the volume.")),
        sync_seconds(metrics.histogram("longtake_fdatasync_seconds",
                                       "Length of one fdatasync of a segment file.")),
        durability_degraded(metrics.gauge("longtake_durability_degraded",
                                          "1 while commits take longer than their interval: a "
                                          "power cut costs more than promised.")) {}

  base::Counter& fragments;
  base::Counter& bytes;
  base::Counter& rewritten;
  base::Counter& dropped;
  base::Counter& released;
  base::Counter& segments;
  base::Counter& failures;
  base::Gauge& ring_bytes;
  base::Histogram& commit_seconds;
  base::Histogram& sync_seconds;
  base::Gauge& durability_degraded;
};

}  // namespace longtake::archive
