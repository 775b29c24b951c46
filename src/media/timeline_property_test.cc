#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "media/timeline.h"

// The timeline against cameras whose every picture's true time is known.

namespace longtake::media {
namespace {

using std::chrono::abs;
using std::chrono::hours;
using std::chrono::minutes;
using NewRun = Timeline::NewRun;

constexpr std::uint32_t kVideoHz = 90'000;
constexpr microseconds kBoot = hours(100);
constexpr microseconds kWallMinusMonotonic = hours(490'000);
constexpr microseconds kFrame = milliseconds(40);

/// Property tests run `LONGTAKE_TEST_SCALE` times as much: 20 in `./test --all`; 100 takes minutes.
int scale() {
  const char* const text = std::getenv("LONGTAKE_TEST_SCALE");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

/// What must hold whatever a camera sends: order inside a run, nothing negative, a wall that never
/// turns back.
class RunRules {
 public:
  void check(TrackId track, const Timeline::Position& position, const Timeline& timeline) {
    if (position.new_run != NewRun::kNo) {
      ++runs_;
      last_.clear();
    }
    RC_ASSERT(position.track_ticks >= 0);
    RC_ASSERT(position.composition_ticks >= 0);
    const auto [last, is_first] = last_.try_emplace(track);
    if (!is_first) {
      RC_ASSERT(position.track_ticks > last->second.ticks);
      RC_ASSERT(position.run_position >= last->second.position);
    }
    const WallTime wall = timeline.wall_of(position.run_position);
    if (!is_first && last->second.is_anchored) {
      RC_ASSERT(wall >= last->second.wall);
      // Said once, said for good: what touches in media time touches in wall time.
      RC_ASSERT(timeline.wall_of(last->second.position) == last->second.wall);
    }
    last->second = {position.track_ticks, position.run_position, wall, position.is_anchored};
  }
  [[nodiscard]] std::size_t runs() const { return runs_; }

 private:
  struct Last {
    std::int64_t ticks = 0;
    microseconds position{0};
    WallTime wall;
    bool is_anchored = false;
  };
  std::map<TrackId, Last> last_;
  std::size_t runs_ = 0;
};

/// A camera on a network, with what happens to them once a minute.
struct World {
  double drift_ppm = 0;
  microseconds frame = kFrame;
  microseconds latency{20'000};
  microseconds jitter{30'000};
  microseconds backlog{0};  // sent in a burst at PLAY
  enum class Event { kNone, kStall, kHole, kCameraForward, kCameraBackward, kMachineStep, kNudge };
  std::vector<Event> events;  // one a minute, at its half
};

void showValue(const World& world, std::ostream& os) {
  os << "drift " << world.drift_ppm << " ppm, frame " << world.frame.count() << " us, latency "
     << world.latency.count() << " us, jitter " << world.jitter.count() << " us, backlog "
     << world.backlog.count() << " us, events";
  for (const World::Event event : world.events) os << ' ' << static_cast<int>(event);
}

/// Plays a world into a timeline, picture by picture in the order of their receipt.
class Simulation {
 public:
  Simulation(const World& world, std::uint64_t seed) : world_(world), random_(seed) {}

  void run() {
    const microseconds end = minutes(world_.events.size());
    microseconds received = kBoot;
    microseconds stalled_until = kBoot;
    std::size_t next_event = 0;
    std::exponential_distribution<double> jitter(1.0);
    for (microseconds taken = -world_.backlog; taken < end; taken += world_.frame) {
      if (next_event < world_.events.size() && taken >= minutes(next_event) + seconds(30)) {
        const World::Event event = world_.events[next_event++];
        if (event == World::Event::kHole) taken += seconds(20);
        if (event == World::Event::kStall) stalled_until = kBoot + taken + seconds(15);
        apply(event);
      }
      const auto late =
          world_.latency + microseconds(static_cast<std::int64_t>(
                               static_cast<double>(world_.jitter.count()) * jitter(random_) / 3));
      // In order over one connection; held-up pictures follow each other at ten times their pace
      // and more.
      received = std::max({received + world_.frame / 20, kBoot + taken + late, stalled_until});
      video(taken, received);
    }
  }

  [[nodiscard]] std::size_t runs() const { return rules_.runs(); }
  [[nodiscard]] std::size_t causes() const { return causes_; }
  [[nodiscard]] microseconds worst() const { return worst_; }
  [[nodiscard]] bool is_spaced_by_receipt() const { return timeline_.is_spaced_by_receipt(); }

 private:
  void apply(World::Event event) {
    switch (event) {
      case World::Event::kNone:
      case World::Event::kStall:
      case World::Event::kHole:
        return;
      case World::Event::kNudge:  // smaller than anything that splits
        wall_minus_monotonic_ += milliseconds(std::uniform_int_distribution(-100, 100)(random_));
        return;
      case World::Event::kCameraForward:
        media_offset_ += seconds(std::uniform_int_distribution(3, 100'000)(random_));
        break;
      case World::Event::kCameraBackward:
        media_offset_ -= seconds(std::uniform_int_distribution(3, 100'000)(random_));
        break;
      case World::Event::kMachineStep:
        wall_minus_monotonic_ += seconds(std::uniform_int_distribution(2, 100'000)(random_)) *
                                 (std::bernoulli_distribution()(random_) ? 1 : -1);
        break;
    }
    ++causes_;
  }

  void video(microseconds taken, microseconds received) {
    const auto drift =
        static_cast<std::int64_t>(static_cast<double>(taken.count()) * world_.drift_ppm / 1e6);
    AccessUnit unit;
    unit.track = 1;
    unit.dts = unit.pts =
        from_microseconds(hours(1'000) + media_offset_ + taken + microseconds(drift), kVideoHz);
    unit.received = MonotonicTime(received);
    const Timeline::Position position = timeline_.place(unit, wall_minus_monotonic_);
    rules_.check(1, position, timeline_);
    if (!position.is_anchored) return;
    const WallTime truth(kBoot + taken + wall_minus_monotonic_);
    worst_ = std::max(worst_, microseconds(abs(timeline_.wall_of(position.run_position) - truth)));
  }

  World world_;
  std::mt19937_64 random_;
  Timeline timeline_{Timeline::Options{}};
  RunRules rules_;
  microseconds media_offset_{0};
  microseconds wall_minus_monotonic_ = kWallMinusMonotonic;
  std::size_t causes_ = 0;
  microseconds worst_{0};
};

World any_world() {
  using enum World::Event;
  World world;
  world.drift_ppm = *rc::gen::inRange(-200, 201);
  world.frame = milliseconds(*rc::gen::element(33, 40, 67, 200, 1'000));
  world.latency = milliseconds(*rc::gen::inRange(1, 100));
  world.jitter = milliseconds(*rc::gen::inRange(0, 100));
  world.backlog = milliseconds(*rc::gen::inRange(0, 4'000));
  world.events = *rc::gen::container<std::vector<World::Event>>(
      20, rc::gen::element(kNone, kStall, kHole, kCameraForward, kCameraBackward, kMachineStep,
                           kNudge));
  // More jumps of the camera than this in ten minutes cost it its trust; that has tests of its own.
  int jumps = 0;
  for (World::Event& event : world.events) {
    if ((event == kCameraForward || event == kCameraBackward) && ++jumps > 3) event = kNone;
  }
  return world;
}

RC_GTEST_PROP(TimelineProperty, Cam21_WallTimeIsRightAndNothingSplitsWithoutACause,
              (std::uint64_t seed)) {
  const World world = any_world();
  RC_LOG() << "";
  showValue(world, RC_LOG());
  Simulation simulation(world, seed);
  simulation.run();
  RC_ASSERT(simulation.runs() == 1 + simulation.causes());
  RC_ASSERT(!simulation.is_spaced_by_receipt());
  RC_ASSERT(simulation.worst() <= milliseconds(500));
}

class TwoDays : public testing::TestWithParam<int> {};

TEST_P(TwoDays, Cam21_ADriftingCameraStaysWithinHalfASecondInOneRun) {
  World world;
  world.drift_ppm = GetParam();
  world.frame = milliseconds(200);
  world.backlog = seconds(2);
  world.events.assign(48 * 60, World::Event::kNone);
  for (std::size_t minute = 59; minute < world.events.size(); minute += 60) {
    world.events[minute] = minute % 120 == 59 ? World::Event::kStall : World::Event::kHole;
  }
  Simulation simulation(world, 1);
  simulation.run();
  EXPECT_EQ(simulation.runs(), 1U);
  EXPECT_LE(simulation.worst(), milliseconds(500));
}
INSTANTIATE_TEST_SUITE_P(TimelineProperty, TwoDays, testing::Values(-200, -13, 0, 200));

/// A camera that makes up its times: stretches of a random kind, each of a random length.
class LyingClock {
 public:
  explicit LyingClock(std::uint64_t seed) : random_(seed) {}

  std::int64_t next() {
    if (left_ == 0) {
      kind_ = std::uniform_int_distribution(0, 7)(random_);
      left_ = std::uniform_int_distribution(1, 400)(random_);
      if (kind_ == 2) ticks_ += std::int64_t{1} << 31U;
      if (kind_ == 3) ticks_ -= std::int64_t{1} << 31U;
    }
    --left_;
    switch (kind_) {
      case 0:
        return ticks_;  // constant
      case 1:
        return 0;
      case 4:  // any 32 bits
        return std::uniform_int_distribution<std::int64_t>(0, 0xFFFF'FFFF)(random_);
      case 5:  // any 64 bits
        return static_cast<std::int64_t>(random_());
      case 6:  // backward
        return ticks_ -= std::uniform_int_distribution(1, 900'000)(random_);
      case 7:  // huge steps
        return ticks_ += std::uniform_int_distribution(1, 9'000'000)(random_);
      default:  // as it should be
        return ticks_ += 3'600;
    }
  }

 private:
  std::mt19937_64 random_;
  std::int64_t ticks_ = 0;
  int kind_ = 0;
  int left_ = 0;
};

// In the first second of a session a step of up to 10 s may be a buffered GOP and is believed, so a
// camera that lies from its first picture may gain that much once; one that lies later may not.
TEST(TimelineProperty, Cam18_NoMadeUpTimesStopOrShredARecording) {
  const int scripts = 1'000 * scale();
  constexpr int kUnits = 3'000;  // two minutes
  for (int script = 0; script < scripts; ++script) {
    SCOPED_TRACE("script " + std::to_string(script));
    LyingClock clock(static_cast<std::uint64_t>(script));
    const bool lies_at_once = script % 2 == 0;
    Timeline timeline({});
    int runs = 0;
    std::int64_t last_ticks = 0;
    microseconds last_position{0};
    microseconds recorded{0};
    for (int i = 0; i < kUnits; ++i) {
      AccessUnit unit;
      unit.track = 1;
      unit.dts = unit.pts = MediaTime(lies_at_once || i >= 50 ? clock.next() : i * 3'600, kVideoHz);
      unit.received = MonotonicTime(kBoot + i * kFrame);
      const Timeline::Position position = timeline.place(unit, kWallMinusMonotonic);
      if (position.new_run != NewRun::kNo) {
        ++runs;
        recorded += kFrame;  // the last unit of a run lasts as long as its kind
      } else {
        ASSERT_GT(position.track_ticks, last_ticks);
        ASSERT_LE(position.run_position - last_position, seconds(10) + kFrame);
        recorded += position.run_position - last_position;
      }
      last_ticks = position.track_ticks;
      last_position = position.run_position;
    }
    ASSERT_LE(runs, 4);
    const microseconds length = kUnits * kFrame;
    ASSERT_GE(recorded, length - seconds(1));
    // A run may end up to a second ahead of receipt before that begins another.
    ASSERT_LE(recorded, length + seconds(runs) + seconds(lies_at_once ? 10 : 0));
    const WallTime truth(kBoot + length - kFrame + kWallMinusMonotonic);
    ASSERT_LE(abs(timeline.wall_of(last_position) - truth), seconds(1));
  }
}

/// Audio and video of one camera, with lying clocks on both: order holds on each track.
RC_GTEST_PROP(TimelineProperty, Cam18_TwoLyingTracksKeepTheirOrder, (std::uint64_t seed)) {
  LyingClock video(seed);
  LyingClock audio(seed ^ 0x5555);
  Timeline timeline({});
  RunRules rules;
  for (int i = 0; i < 1'000; ++i) {
    AccessUnit unit;
    unit.track = static_cast<TrackId>(1 + i % 2);
    const std::int64_t ticks = unit.track == 1 ? video.next() : audio.next();
    unit.dts = unit.pts = MediaTime(ticks, unit.track == 1 ? kVideoHz : 48'000);
    unit.received = MonotonicTime(kBoot + i * kFrame / 2);
    rules.check(unit.track, timeline.place(unit, kWallMinusMonotonic), timeline);
  }
  RC_ASSERT(rules.runs() <= 5U);
}

}  // namespace
}  // namespace longtake::media
