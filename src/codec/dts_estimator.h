#pragma once

#include <array>
#include <cstdint>

namespace longtake::codec {

/// Gives each unit of a track its decode time, which RTP does not carry: DTS = PTS - reorder delay.
///
/// Of the last (depth + 1) PTS in decode order the smallest is the next to be shown, and its time
/// is when this unit may be decoded. Composition offsets (PTS - DTS) so come out >= 0 and DTS grow
/// strictly.
///
/// Where the stream shows more reordering than it declared, the depth grows. The first unit that
/// shows it would need a DTS in the past; it is put one tick behind the last DTS instead, its PTS
/// with it, and `adjusted` counts it. After a jump of over ten seconds forward or one second back
/// it starts anew: then DTS may go back, and judging that is the timeline's business.
///
/// Units      ticks of the track's timescale.
/// Errors     none: recording never stops over times (CAM-17, CAM-18).
/// Source     ISO/IEC 14496-12 §8.6.1; ITU-T H.264 §C.4.5.3 (bumping); docs/design/rtsp.md, "Decode
///            times".
class DtsEstimator {
 public:
  struct Times {
    std::int64_t dts = 0;
    std::int64_t pts = 0;
  };

  explicit DtsEstimator(std::uint32_t timescale_hz);

  /// New parameter sets declare that decode order runs ahead of output order by up to `depth`
  /// units. A depth that the stream has shown does not shrink.
  void expect_reordering(std::uint32_t depth);
  /// Decode order is output order: audio, POC type 2, Baseline. Nothing is learned then.
  void forbid_reordering();
  /// The times of the next unit in decode order.
  Times next(std::int64_t pts);
  /// A new source: nothing of the old times holds.
  void reset();

  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  /// Units whose PTS had to be moved.
  [[nodiscard]] std::uint64_t adjusted() const { return adjusted_; }

 private:
  static constexpr std::uint32_t kMaxDepth = 16;  // ITU-T H.264 §A.3.1: MaxDpbFrames

  void start_at(std::int64_t pts);
  void learn(std::int64_t pts);
  std::int64_t smallest_after_taking(std::int64_t pts);

  std::int64_t jump_limit_ticks_;
  std::int64_t backward_limit_ticks_;
  std::int64_t interval_ticks_;  // usual distance of two units; a guess until two came
  std::uint32_t depth_ = 0;
  bool may_reorder_ = true;
  std::array<std::int64_t, kMaxDepth + 1>
      pending_{};                                 // the last depth_ PTS not yet shown, ascending
  std::array<std::int64_t, kMaxDepth> recent_{};  // the last PTS in decode order, newest first
  std::uint32_t recent_count_ = 0;
  std::int64_t last_dts_ = 0;
  bool has_started_ = false;
  std::uint64_t adjusted_ = 0;
};

}  // namespace longtake::codec
