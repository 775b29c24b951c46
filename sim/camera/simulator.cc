#include "sim/camera/simulator.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "sim/camera/command_words.h"

namespace longtake::camsim {
namespace {

using std::chrono::milliseconds;

constexpr int kBacklog = 1024;
constexpr milliseconds kFlushInterval{500};
constexpr milliseconds kLongestSleep{200};

Result<Descriptor> listen_on(const std::string& host, std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 || !socket.is_open() ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}:{}: cannot listen: {}; choose another port or 0", host, port,
                            std::strerror(errno)));
  }
  return socket;
}

std::uint16_t port_of(const Descriptor& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void watch(const Descriptor& epoll, int descriptor, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  ::epoll_ctl(epoll.get(), operation, descriptor, &event);
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::kNotFound, path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Simulator::Simulator()
    : start_(SimClock::now()), control_([this](std::string_view line) { return execute(line); }) {}

Simulator::~Simulator() {
  sent_.flush();
  events_.flush();
}

Result<std::unique_ptr<Simulator>> Simulator::open(const Options& options) {
  std::unique_ptr<Simulator> simulator(new Simulator());
  simulator->batch_ = options.batch;
  simulator->seed_ = options.seed;
  LT_ASSIGN(simulator->sent_, SentLog::open(options.sent_log_path));
  LT_ASSIGN(simulator->events_, EventLog::open(options.event_log_path));
  LT_TRY(simulator->add_cameras(options));
  LT_TRY(simulator->listen(options));
  for (const std::string& line : options.commands) {
    if (auto done = simulator->command(line); !done)
      return std::unexpected(std::move(done).error().in("--do " + line));
  }
  if (!options.script_path.empty()) {
    LT_ASSIGN(const std::string text, read_text(options.script_path));
    auto script = Script::parse(text);
    if (!script) return std::unexpected(std::move(script).error().in(options.script_path));
    simulator->script_ = std::move(*script);
  }
  return simulator;
}

Result<void> Simulator::add_cameras(const Options& options) {
  // Parsing large files takes a while; time begins once they are there.
  std::vector<std::pair<const MediaOption*, PacketizedMediaPtr>> loaded;
  std::size_t total = 0;
  for (const MediaOption& option : options.media) {
    LT_ASSIGN(PacketizedMediaPtr media,
              library_.load(option.video_path, option.audio_path, option.layout));
    loaded.emplace_back(&option, std::move(media));
    total += std::max<std::size_t>(option.copies, 1);
  }
  start_ = SimClock::now();
  const auto wall_start = wall_now();
  std::size_t index = 0;
  for (const auto& [option, media] : loaded) {
    for (std::size_t copy = 0; copy < std::max<std::size_t>(option->copies, 1); ++copy, ++index) {
      const std::string name =
          option->copies == 0 ? option->name : fmt::format("{}-{}", option->name, copy + 1);
      // Spread over one picture's time, so that many cameras make an even load.
      const std::chrono::microseconds phase(
          static_cast<std::int64_t>(1e6 / option->rate.per_second() * static_cast<double>(index) /
                                    static_cast<double>(total)));
      auto camera =
          std::make_unique<Camera>(name, media, option->rate, start_, wall_start, phase, seed_);
      if (options.speed != 1) camera->set_speed(options.speed, start_);
      if (!cameras_.emplace(name, std::move(camera)).second) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--media {}: this name is given twice", name));
      }
    }
  }
  return {};
}

Result<void> Simulator::listen(const Options& options) {
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  wake_ = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_.is_open() || !wake_.is_open())
    return fail(ErrorCode::kResourceExhausted, "no descriptors left");
  address_ = options.address;
  LT_ASSIGN(listener_, listen_on(address_, options.port));
  LT_ASSIGN(control_listener_, listen_on("127.0.0.1", options.control_port));
  port_ = port_of(listener_);
  control_port_ = port_of(control_listener_);
  for (const int descriptor : {wake_.get(), listener_.get(), control_listener_.get()}) {
    watch(epoll_, descriptor, EPOLLIN, EPOLL_CTL_ADD);
  }
  return {};
}

void Simulator::stop() {
  const std::uint64_t one = 1;
  // A full counter wakes as well, so the result does not matter.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

Result<void> Simulator::run() {
  std::array<epoll_event, 256> ready;
  SimTime last_tick{};
  while (!is_stopping_) {
    const auto sleep = time_to_sleep(SimClock::now());
    const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()),
                                   static_cast<int>(sleep.count()));
    if (count < 0 && errno != EINTR)
      return fail(ErrorCode::kInternal, fmt::format("epoll_wait: {}", std::strerror(errno)));
    const SimTime now = SimClock::now();
    for (int i = 0; i < count; ++i)
      handle(ready[static_cast<std::size_t>(i)].data.fd, ready[static_cast<std::size_t>(i)].events,
             now);
    if (now - last_tick >= batch_) {
      last_tick = now;
      tick(now);
    }
    forget_closed();
  }
  sent_.flush();
  events_.flush();
  return {};
}

milliseconds Simulator::time_to_sleep(SimTime now) const {
  SimTime next = now + kLongestSleep;
  for (const auto& [socket, client] : clients_) next = std::min(next, client->next_due(now));
  if (const auto due = script_.next_due()) next = std::min(next, start_ + *due);
  for (const auto& [name, camera] : cameras_) {
    if (camera->settings.stalled_until) next = std::min(next, *camera->settings.stalled_until);
  }
  return std::max(batch_, std::chrono::ceil<milliseconds>(next - now));
}

void Simulator::handle(int descriptor, std::uint32_t events, SimTime now) {
  if (descriptor == wake_.get()) {
    is_stopping_ = true;
  } else if (descriptor == listener_.get()) {
    accept_clients();
  } else if (descriptor == control_listener_.get()) {
    accept_controls();
  } else if (control_.owns(descriptor)) {
    control_.on_readable(descriptor);
  } else if (const auto found = clients_.find(descriptor); found != clients_.end()) {
    Client& client = *found->second;
    const bool is_gone = (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
    if (is_gone && !client.wants_to_read()) return client.close(CloseKind::kFin, "by_client");
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) client.on_readable(now);
    if ((events & EPOLLOUT) != 0) client.tick(now);
    update_interest(client);
  }
}

void Simulator::accept_clients() {
  while (true) {
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) return;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int key = socket.get();
    const std::uint64_t number = ++clients_accepted_;
    events_.write("-", "connected", fmt::format("client={}", number));
    interest_[key] = EPOLLIN | EPOLLRDHUP;
    watch(epoll_, key, interest_[key], EPOLL_CTL_ADD);
    clients_[key] = std::make_unique<Client>(
        std::move(socket), number, [this](std::string_view name) { return find_camera(name); },
        seed_, sent_, events_);
  }
}

void Simulator::accept_controls() {
  Descriptor socket(::accept4(control_listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket.is_open()) return;
  watch(epoll_, socket.get(), EPOLLIN, EPOLL_CTL_ADD);
  control_.add(std::move(socket));
}

void Simulator::update_interest(Client& client) {
  if (client.is_closed()) return;
  std::uint32_t wanted = EPOLLRDHUP;
  if (client.wants_to_read()) wanted |= EPOLLIN;
  if (client.wants_to_write()) wanted |= EPOLLOUT;
  std::uint32_t& present = interest_[client.socket()];
  if (present == wanted) return;
  present = wanted;
  watch(epoll_, client.socket(), wanted, EPOLL_CTL_MOD);
}

void Simulator::tick(SimTime now) {
  run_script(now);
  end_stalls(now);
  for (auto& [socket, client] : clients_) {
    client->tick(now);
    update_interest(*client);
  }
  if (now >= next_flush_) {
    next_flush_ = now + kFlushInterval;
    sent_.flush();
    events_.flush();
  }
}

void Simulator::end_stalls(SimTime now) {
  for (auto& [name, camera] : cameras_) {
    CameraSettings& settings = camera->settings;
    if (!settings.stalled_until || now < *settings.stalled_until) continue;
    settings.stalled_until.reset();
    events_.write(name, "stall_ended", settings.stall_skips ? "skip" : "flush");
    if (!settings.stall_skips) continue;
    for (Client* client : clients_of(*camera)) {
      if (client->sender() != nullptr) client->sender()->skip_missed(now);
    }
  }
}

void Simulator::run_script(SimTime now) {
  for (const std::string& line : script_.take_due(std::chrono::floor<milliseconds>(now - start_))) {
    if (const auto done = command(line); !done) {
      fmt::print(stderr, "script: {}: {}\n", line, done.error().message());
      events_.write("-", "script_error", fmt::format("{}: {}", line, done.error().message()));
    }
  }
}

void Simulator::forget_closed() {
  // The map's key outlives the closed descriptor; a new client with the same one arrives in a later
  // round at the earliest.
  std::erase_if(clients_, [this](const auto& entry) {
    if (!entry.second->is_closed()) return false;
    interest_.erase(entry.first);
    return true;
  });
}

Camera* Simulator::find_camera(std::string_view name) {
  const auto found = cameras_.find(name);
  return found == cameras_.end() ? nullptr : found->second.get();
}

std::vector<Client*> Simulator::clients_of(const Camera& camera) {
  std::vector<Client*> found;
  for (auto& [socket, client] : clients_) {
    if (client->camera() == &camera && !client->is_closed()) found.push_back(client.get());
  }
  return found;
}

Result<void> Simulator::command(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() < 2)
    return fail(ErrorCode::kInvalidArgument, "write CAMERA COMMAND ...; say `help`");
  const std::span arguments = std::span(words).subspan(1);
  std::vector<Camera*> targets;
  for (auto& [name, camera] : cameras_) {
    if (words[0] == "*" || words[0] == name) targets.push_back(camera.get());
  }
  if (targets.empty())
    return fail(ErrorCode::kNotFound, fmt::format("no camera \"{}\"; `list` shows them", words[0]));
  for (Camera* camera : targets) {
    CommandContext context{*camera, clients_of(*camera), library_, SimClock::now()};
    LT_TRY(run_command(context, arguments));
  }
  if (words[0] == "*") apply_to_listener(arguments);
  // A password has no place in a log.
  const bool is_secret = arguments[0] == "auth" && arguments.size() == 4;
  events_.write(words[0], "fault",
                is_secret ? fmt::format("auth {} {} ***", arguments[1], arguments[2])
                          : fmt::format("{}", fmt::join(arguments, " ")));
  return {};
}

void Simulator::apply_to_listener(std::span<const std::string_view> words) {
  if (words[0] == "refuse" && words.size() > 1 && words[1] == "connection") {
    listener_.reset();
  } else if (words[0] == "accept" && !listener_.is_open()) {
    auto again = listen_on(address_, port_);
    if (!again) return events_.write("*", "listen_failed", again.error().message());
    listener_ = std::move(*again);
    watch(epoll_, listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
  }
}

std::string Simulator::execute(std::string_view line) {
  const auto words = split_words(line);
  if (words.empty()) return "ok\n";
  if (words[0] == "help") return command_help() + "ok\n";
  if (words[0] == "list") return describe_cameras() + "ok\n";
  if (words[0] == "stats") return describe_traffic() + "ok\n";
  if (words[0] == "sync") {
    sent_.flush();
    events_.flush();
    return "ok\n";
  }
  if (words[0] == "quit") {
    is_stopping_ = true;
    return "ok\n";
  }
  const auto done = command(line);
  return done ? "ok\n" : fmt::format("error {}\n", done.error().message());
}

std::string Simulator::describe_cameras() {
  std::string text;
  for (const auto& [name, camera] : cameras_) {
    text += fmt::format(
        "{} url=rtsp://127.0.0.1:{}/{} media={} fps={:.3f} audio={} clients={} next={}\n", name,
        port_, name, camera->media()->file->name, camera->rate().per_second(),
        camera->media()->file->audio ? camera->media()->file->audio->rate_hz : 0,
        clients_of(*camera).size(), camera->pictures_until(SimClock::now()));
  }
  return text;
}

std::string Simulator::describe_traffic() {
  std::string text;
  for (const auto& [name, camera] : cameras_) {
    for (const Client* client : clients_of(*camera)) {
      if (client->sender() == nullptr) continue;
      const SenderCounters& counters = client->sender()->counters();
      text += fmt::format(
          "{} client={} playing={} pictures={} packets={} lost={} skipped={} behind={}\n", name,
          client->number(), client->sender()->is_playing() ? 1 : 0, counters.pictures,
          counters.packets, counters.packets_lost, counters.pictures_skipped,
          static_cast<std::int64_t>(camera->pictures_until(SimClock::now()) -
                                    client->sender()->next_picture()));
    }
  }
  return text;
}

}  // namespace longtake::camsim
