// Where does the time of a camera's second go? The road of a picture, replayed: what one camera sent over TCP goes
// through N sessions, in steps of 100 ms, each followed by the next part of the road.
//
// Usage: road_bench URL [CAMERAS [SECONDS]]
//
// First it plays URL (of longtake-camsim, say) for SECONDS and keeps the bytes; then it replays them in virtual time,
// so that only our own code is measured: no sockets, no files, one thread. Each line is a longer road than the one
// above it. Cameras take turns as they do on a shard, so that none finds its state in the processor's first cache.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/recorder.h"
#include "base/clock.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/manual_executor.h"
#include "base/metrics.h"
#include "isobmff/fragment.h"
#include "rtsp/session.h"

namespace {

using namespace longtake;  // NOLINT(google-build-using-namespace): a program of its own

constexpr nanoseconds kStep = milliseconds(100);

[[noreturn]] void die(const std::string& what) {
  fmt::print(stderr, "road_bench: {}\n", what);
  std::exit(3);
}

struct NullItems final : media::ItemSink {
  void on_item(const media::Item& item) override {
    if (std::holds_alternative<media::AccessUnitPtr>(item)) ++units;
  }
  std::uint64_t units = 0;
};

struct NullFacts final : store::FactSink {
  void append(store::Fact) override {}
};

/// Drops fragments, or makes of each what a file would get, CRC included, and drops that.
struct Fragments final : archive::FragmentSink {
  explicit Fragments(bool its_is_building) : is_building(its_is_building) {}
  void submit(archive::PendingFragment fragment) override {
    ++count;
    if (is_building) build(fragment);
  }
  void finish_segment() override {}

  void build(const archive::PendingFragment& fragment) {
    if (fragment.starts_segment || !builder) {
      builder.emplace(media::RecordingId{1}, media::SegmentId{{1}, 1}, fragment.run->tracks,
                      ByteSpan());
    }
    samples.clear();
    for (const auto& sample : fragment.samples) {
      samples.push_back({sample.unit.get(), sample.duration_ticks, sample.composition_ticks});
    }
    media::FragmentEntry entry;
    entry.track = fragment.track;
    entry.duration_ticks = fragment.duration_ticks;
    entry.run_offset_us = fragment.run_position.count();
    entry.wall_start = fragment.wall_start;
    entry.wall_duration = fragment.wall_duration;
    if (!builder->prepare(entry, samples)) die("a fragment was refused");
    builder->advance();
  }

  bool is_building;
  std::uint64_t count = 0;
  std::optional<isobmff::FragmentBuilder> builder;
  std::vector<isobmff::FragmentSample> samples;
};

class SameNumbers final : public base::Random {
 public:
  std::uint64_t next() override { return 4; }
};

/// What a camera sent, by the step in which it came; what answers our requests is in the first.
using Capture = std::vector<Bytes>;

rtsp::Url parse(const std::string& text) {
  auto parsed = rtsp::parse_camera_url(text);
  if (!parsed) die(parsed.error().message());
  return parsed->url;
}

Capture capture(const std::string& text, int length_s) {
  const rtsp::Url url = parse(text);
  const base::Descriptor stream(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(url.host_port().port);
  inet_pton(AF_INET, url.host_port().host.c_str(), &address.sin_addr);
  if (::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    die("cannot connect to " + text);
  const timeval patience{.tv_sec = 0, .tv_usec = 10'000};
  ::setsockopt(stream.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));

  base::SystemClock clock;
  SameNumbers random;
  NullItems items;
  rtsp::Session session(url, "", base::Secret(""), random, items);
  session.start(clock.now());
  Capture taken(1);
  Bytes pending;
  Bytes buffer(256 * 1024);
  std::optional<MonotonicTime> playing_since;
  for (;;) {
    const Bytes out = session.take_output();
    if (!out.empty() && ::send(stream.get(), out.data(), out.size(), MSG_NOSIGNAL) < 0)
      die("cannot send");
    const ssize_t got = ::recv(stream.get(), buffer.data(), buffer.size(), 0);
    const MonotonicTime now = clock.now();
    if (got > 0) {
      const auto bytes = ByteSpan(buffer).first(static_cast<std::size_t>(got));
      pending.insert(pending.end(), bytes.begin(), bytes.end());
      const std::size_t done = session.feed(pending, now);
      taken.back().insert(taken.back().end(), pending.begin(),
                          pending.begin() + static_cast<std::ptrdiff_t>(done));
      pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
    }
    if (session.ended()) die(session.ended()->detail);
    if (!session.is_playing()) continue;
    if (!playing_since) playing_since = now;
    const auto step = static_cast<std::size_t>((now - *playing_since) / kStep);
    if (step >= static_cast<std::size_t>(length_s) * 10) return taken;
    while (taken.size() < step + 1) taken.emplace_back();
  }
}

double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Camera {
  std::unique_ptr<rtsp::Session> session;
  std::unique_ptr<archive::Recorder> recorder;
  Fragments fragments{false};
};

enum class Road { kSession, kRecorder, kFragment };

/// Milliseconds of processor time per camera and second.
double replay(const Capture& taken, const std::string& url, std::size_t count, Road road) {
  base::ManualClock clock(archive::ClockWatch::kEarliest);
  base::ManualExecutor executor(clock);
  base::Metrics metrics;
  SameNumbers random;
  NullItems items;
  NullFacts facts;
  std::uint64_t runs = 0;
  std::vector<Camera> cameras(count);
  for (std::size_t i = 0; i < count; ++i) {
    Camera& camera = cameras[i];
    camera.fragments.is_building = road == Road::kFragment;
    media::ItemSink* sink = &items;
    if (road != Road::kSession) {
      archive::RecordingConfig config;
      config.name = fmt::format("camera-{}", i);
      camera.recorder = std::make_unique<archive::Recorder>(
          archive::RecordingIdentity{media::RecordingId{i + 1}, config.name, false, std::nullopt},
          config, camera.fragments, facts, [&runs] { return media::RunId{++runs}; }, executor,
          base::null_logger(), metrics);
      sink = camera.recorder.get();
    }
    camera.session =
        std::make_unique<rtsp::Session>(parse(url), "", base::Secret(""), random, *sink);
    camera.session->start(clock.now());
    // The replies; a request goes before each, or it would be an answer to nothing.
    ByteSpan replies = taken.front();
    while (!replies.empty()) {
      static_cast<void>(camera.session->take_output());
      replies = replies.subspan(camera.session->feed(replies, clock.now()));
      if (camera.session->ended())
        die("the replay does not follow: " + camera.session->ended()->detail);
    }
  }
  // Two rounds of one step each and a working set as on a real shard; then the clock.
  const double begin = cpu_ms();
  for (std::size_t step = 1; step < taken.size(); ++step) {
    executor.run_for(kStep);
    for (Camera& camera : cameras) {
      camera.session->feed(taken[step], clock.now());
      camera.session->on_tick(clock.now());
      static_cast<void>(camera.session->take_output());
    }
  }
  return (cpu_ms() - begin) / (static_cast<double>(taken.size() - 1) / 10) /
         static_cast<double>(count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    fmt::print(stderr, "usage: road_bench URL [CAMERAS [SECONDS]]\n");
    return 2;
  }
  const auto count = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 64);
  const Capture taken = capture(argv[1], argc > 3 ? std::atoi(argv[3]) : 10);
  std::size_t bytes = 0;
  for (const Bytes& one : taken) bytes += one.size();
  fmt::print("{} cameras, {} bytes each in {} s; ms of processor time per camera and second:\n",
             count, bytes, taken.size() / 10);
  double before = 0;
  for (const auto& [road, name] : {std::pair{Road::kSession, "depacketized"},
                                   {Road::kRecorder, "cut into fragments"},
                                   {Road::kFragment, "boxes and CRC made"}}) {
    double best = 1e9;
    for (int round = 0; round < 3; ++round)
      best = std::min(best, replay(taken, argv[1], count, road));
    fmt::print("  {:<20} {:.4f}  (+{:.4f})\n", name, best, best - before);
    before = best;
  }
}
