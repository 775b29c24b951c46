#include "app/site.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <thread>
#include <utility>

#include "base/event_loop.h"
#include "base/limits.h"
#include "base/mutex.h"
#include "base/random.h"
#include "rtsp/camera.h"

namespace longtake::app {
namespace {

constexpr rlim_t kDescriptorsPerCamera =
    5;  // socket, open segment, the next one, two while rolling over
constexpr rlim_t kDescriptorsForOthers = 128;
constexpr nanoseconds kStepLimit =
    std::chrono::seconds(10);  // one camera's stop while others go on

/// One event loop and what the cameras on it share.
struct Shard {
  explicit Shard(base::Clock& clock) : loop(clock), thread([this] { loop.run(); }) {}
  ~Shard() {
    loop.stop();
    thread.join();
  }

  base::EventLoop loop;
  rtsp::ReceiveBuffer buffer;
  base::SystemRandom random;
  std::size_t cameras = 0;  // owner's thread only
  std::thread thread;
};

/// One camera, its session and its recording. The two live and die on the shard's thread.
struct Running {
  CameraEntry entry;
  archive::RecordingConfig config;
  std::string address;  // what the session was started with, for comparison; never shown
  Shard* shard = nullptr;
  std::unique_ptr<archive::RecordingHandle> recording;
  std::unique_ptr<rtsp::Camera> camera;
  // Shared: a disk that stalls may settle a recording after its camera was given up here.
  std::shared_ptr<std::promise<void>> stopped = std::make_shared<std::promise<void>>();
};

/// Runs `work` on the shard's thread and waits for its end.
void run_on(Shard& shard, const std::function<void()>& work) {
  // Shared: the waiter may be gone before `set_value` has returned.
  const auto done = std::make_shared<std::promise<void>>();
  shard.loop.post([&work, done] {
    work();
    done->set_value();
  });
  done->get_future().wait();
}

bool is_same_session(const CameraEntry& a, const CameraEntry& b) {
  return a.url == b.url && a.username == b.username && a.password == b.password;
}

bool is_same_policy(const archive::RecordingConfig& a, const archive::RecordingConfig& b) {
  return a.segment_length == b.segment_length && a.keep == b.keep &&
         a.max_size_bytes == b.max_size_bytes;
}

Result<rtsp::CameraConfig> camera_config_of(const CameraEntry& entry) {
  LT_ASSIGN(rtsp::CameraUrl parsed, rtsp::parse_camera_url(entry.url.reveal()));
  rtsp::CameraConfig config{.name = entry.name,
                            .url = std::move(parsed.url),
                            .username = std::move(parsed.username),
                            .password = std::move(parsed.password)};
  // The entry's own words outrank the URL's.
  if (!entry.username.empty()) config.username = entry.username;
  if (entry.password) config.password = *entry.password;
  return config;
}

server::CameraView view_of(const rtsp::Camera& camera) {
  const auto status = camera.status();
  return {.url = status->url,
          .is_connected = status->connected,
          .last_error = status->last_error,
          .reconnects = status->reconnects,
          .packets_lost = status->packets_lost};
}

}  // namespace

struct Site::State {
  explicit State(Environment wanted) : environment(wanted) {}

  Environment environment;
  std::vector<std::unique_ptr<Shard>> shards;
  rtsp::HandshakeGate gate;
  std::map<std::string, std::unique_ptr<Running>> running;  // owner's thread only
  mutable base::Mutex mutex;
  std::map<std::string, const rtsp::Camera*> directory LT_GUARDED_BY(mutex);

  void start(const Config& config, const CameraEntry& entry);
  void begin_stop(Running& camera, media::Reason reason);
  void forget(const std::string& name);
  void stop_these(const std::vector<std::string>& names, media::Reason reason);
  [[nodiscard]] bool has_descriptors_for(std::size_t cameras) const;
};

bool Site::State::has_descriptors_for(std::size_t cameras) const {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  return limit.rlim_cur >= kDescriptorsForOthers + kDescriptorsPerCamera * cameras;
}

void Site::State::start(const Config& config, const CameraEntry& entry) {
  const auto refuse = [&](const Error& error) {
    LT_LOG(environment.logger, kError, "camera.refused", {"camera", entry.name},
           {"error", error.message()},
           {"next", "the other cameras go on; correct it and send SIGHUP"});
  };
  if (!has_descriptors_for(running.size() + 1)) {
    return refuse(
        {ErrorCode::kResourceExhausted,
         fmt::format(
             "{} cameras need {} file descriptors; raise the limit (LimitNOFILE=, ulimit -n)",
             running.size() + 1,
             kDescriptorsForOthers + kDescriptorsPerCamera * (running.size() + 1))});
  }
  auto camera_config = camera_config_of(entry);
  if (!camera_config) return refuse(camera_config.error());
  auto next = std::make_unique<Running>();
  next->entry = entry;
  next->config = config.recording_of(entry);
  next->shard =
      std::ranges::min_element(shards, {}, [](const auto& shard) { return shard->cameras; })->get();
  Shard& shard = *next->shard;
  Result<void> started;
  // The recording and the session are made where they live: their timers are the shard's.
  run_on(shard, [&] {
    auto recording = environment.archive.start_recording(next->config, shard.loop);
    if (!recording) {
      started = std::unexpected(std::move(recording).error());
      return;
    }
    next->recording = std::move(*recording);
    next->camera = std::make_unique<rtsp::Camera>(std::move(*camera_config), shard.loop, shard.loop,
                                                  shard.buffer, gate, shard.random,
                                                  environment.logger, next->recording->sink());
  });
  if (!started) return refuse(started.error());
  ++shard.cameras;
  {
    const base::MutexLock lock(mutex);
    directory[entry.name] = next->camera.get();
  }
  shard.loop.post([camera = next->camera.get()] { camera->start(); });
  running[entry.name] = std::move(next);
}

/// Session first, so that its last picture reaches the recording; then the recording; `stopped` when all is durable.
void Site::State::begin_stop(Running& camera, media::Reason reason) {
  camera.shard->loop.post([&camera, reason] {
    camera.camera->stop(
        [&camera, reason] {
          camera.recording->stop(reason, [stopped = camera.stopped] { stopped->set_value(); });
        },
        reason);
  });
}

void Site::State::forget(const std::string& name) {
  {
    const base::MutexLock lock(mutex);
    directory.erase(name);
  }
  const auto found = running.find(name);
  Running& camera = *found->second;
  run_on(*camera.shard, [&] {
    camera.camera.reset();
    camera.recording.reset();
  });
  --camera.shard->cameras;
  running.erase(found);
}

/// All at once: one disk that does not answer holds a reload up once, not once for each camera.
void Site::State::stop_these(const std::vector<std::string>& names, media::Reason reason) {
  for (const std::string& name : names) begin_stop(*running.at(name), reason);
  const auto deadline = std::chrono::steady_clock::now() + kStepLimit;
  for (const std::string& name : names) {
    if (running.at(name)->stopped->get_future().wait_until(deadline) != std::future_status::ready) {
      LT_LOG(environment.logger, kWarning, "camera.stop_is_slow", {"camera", name},
             {"next", "the disk does not answer; what is open is closed when it does"});
    }
    forget(name);
  }
}

Site::Site(std::size_t shards, Environment environment)
    : state_(std::make_unique<State>(environment)) {
  for (std::size_t i = 0; i < shards; ++i)
    state_->shards.push_back(std::make_unique<Shard>(environment.clock));
}

Site::~Site() {
  for (const auto& [name, camera] : state_->running) {
    run_on(*camera->shard, [&running = *camera] {
      running.camera.reset();
      running.recording.reset();
    });
  }
}

void Site::apply(const Config& config) {
  std::vector<std::string> removed;
  std::vector<std::string> stopping;  // those, and the ones whose session changes
  for (const auto& [name, camera] : state_->running) {
    const auto entry = std::ranges::find(config.cameras, name, &CameraEntry::name);
    if (entry == config.cameras.end()) removed.push_back(name);
    if (entry == config.cameras.end() || !is_same_session(camera->entry, *entry))
      stopping.push_back(name);
  }
  state_->stop_these(stopping, media::Reason::kConfigChange);
  for (const std::string& name : removed) {
    state_->environment.archive.disarm(name);
    LT_LOG(state_->environment.logger, kInfo, "camera.removed", {"camera", name});
  }
  for (const CameraEntry& entry : config.cameras) {
    const auto found = state_->running.find(entry.name);
    if (found == state_->running.end()) {
      state_->start(config, entry);
      continue;
    }
    archive::RecordingConfig wanted = config.recording_of(entry);
    if (!is_same_policy(found->second->config, wanted))
      state_->environment.archive.set_policy(wanted);
    found->second->config = std::move(wanted);
    found->second->entry = entry;
  }
}

bool Site::stop(nanoseconds limit, const std::function<bool()>& is_urgent) {
  const MonotonicTime deadline = state_->environment.clock.now() + limit;
  std::vector<std::future<void>> ends;
  for (const auto& [name, camera] : state_->running) {
    ends.push_back(camera->stopped->get_future());
    state_->begin_stop(*camera, media::Reason::kOperatorStop);
  }
  for (const auto& end : ends) {
    while (end.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      if (state_->environment.clock.now() >= deadline || is_urgent()) return false;
    }
  }
  while (!state_->running.empty()) state_->forget(state_->running.begin()->first);
  return true;
}

std::optional<server::CameraView> Site::camera_of(const std::string& recording) const {
  const base::MutexLock lock(state_->mutex);
  const auto found = state_->directory.find(recording);
  if (found == state_->directory.end()) return std::nullopt;
  return view_of(*found->second);
}

std::vector<server::NamedCamera> Site::cameras() const {
  const base::MutexLock lock(state_->mutex);
  std::vector<server::NamedCamera> all;
  for (const auto& [name, camera] : state_->directory)
    all.push_back({.name = name, .view = view_of(*camera)});
  return all;
}

}  // namespace longtake::app
