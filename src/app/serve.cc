#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "app/commands.h"
#include "app/service_manager.h"
#include "app/signals.h"
#include "app/site.h"
#include "base/file_system.h"
#include "base/random.h"

namespace longtake::app {
namespace {

constexpr nanoseconds kStopLimit = std::chrono::seconds(10);   // of every recording
constexpr nanoseconds kCloseLimit = std::chrono::seconds(30);  // of ledger and catalog

archive::VolumePolicy volume_policy_of(const Config& config) {
  return {.max_total_bytes = config.max_total_bytes,
          .min_free_bytes = config.min_free_bytes,
          .min_free_percent = config.min_free_percent};
}

/// Other users may not read what we write; each camera needs a socket and files.
void prepare_process() {
  umask(077);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE,
              &files);  // a lower limit stays in force; the site counts against what it is
  }
}

Result<server::ListenAddress> listen_address(const Config& config) {
  LT_ASSIGN(server::ListenAddress address, server::ListenAddress::parse(config.listen));
  if (!address.is_loopback()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--listen {}: beyond this machine everybody could watch, because "
                            "accounts do not exist yet; "
                            "listen on 127.0.0.1:{} or [::1]:{} and reach it through an SSH tunnel",
                            config.listen, address.port, address.port));
  }
  return address;
}

Result<void> make_data_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  struct stat what{};
  if (error == EEXIST && stat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode)) return {};
  if (error == EEXIST) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} is not a folder; name the data folder by --data", path));
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("cannot make the data folder {}: {}; make it, or name another by --data",
                          path, std::system_category().message(error)));
}

void reload(const Flags& flags, Config& config, archive::Archive& archive, Site& site,
            base::Logger& logger) {
  auto next = load_config(flags);
  if (!next) {
    LT_LOG(logger, kError, "config.refused", {"error", next.error().message()},
           {"next", "the configuration in force stays"});
    return;
  }
  for (const auto& [name, changed] :
       {std::pair<std::string_view, bool>{"data", next->data != config.data},
        {"listen", next->listen != config.listen},
        {"log_level", next->log_level != config.log_level}}) {
    if (changed)
      LT_LOG(logger, kWarning, "config.needs_restart", {"key", name},
             {"next", "restart to apply it"});
  }
  archive.set_volume_policy(volume_policy_of(*next));
  site.apply(*next);
  config = std::move(*next);
  LT_LOG(logger, kInfo, "config.applied", {"cameras", config.cameras.size()});
}

/// A camera that left the configuration while we were not running: its recording is no longer asked for.
Result<void> disarm_unlisted(const Config& config, archive::Archive& archive) {
  LT_ASSIGN(const auto recordings, archive.recordings());
  for (const archive::RecordingStatus& recording : recordings) {
    const bool is_listed = std::ranges::find(config.cameras, recording.name, &CameraEntry::name) !=
                           config.cameras.end();
    if (!is_listed) archive.disarm(recording.name);
  }
  return {};
}

/// Until a stop is asked for: reloads when told to, and settles what only an open catalog can tell.
void wait_until_stopped(const Flags& flags, Config& config, archive::Archive& archive, Site& site,
                        base::Logger& logger, const ServiceManager& manager) {
  bool is_settled = false;
  const nanoseconds pulse = manager.watchdog_interval();
  const nanoseconds longest_wait = pulse > nanoseconds(0) ? pulse : std::chrono::hours(1);
  while (true) {
    if (pulse > nanoseconds(0)) manager.alive();
    const SignalSeen seen = wait_for_signal(
        is_settled ? longest_wait : std::min<nanoseconds>(longest_wait, milliseconds(200)));
    if (seen == SignalSeen::kStop) return;
    if (seen == SignalSeen::kReload) reload(flags, config, archive, site, logger);
    if (!is_settled && archive.is_ready())
      is_settled = disarm_unlisted(config, archive).has_value();
  }
}

/// No destructor runs: what is not closed by now waits for a disk or a camera that does not answer, and each would
/// wait for it, too. A crash is the honest end.
[[noreturn]] void end_early() {
  // Not by the log: its queue has a thread of its own, which may not come to it any more.
  std::_Exit(report({ErrorCode::kDeadlineExceeded,
                     "stopped before every recording was closed; the next start repairs them"}));
}

/// Closes the archive; a second signal or a disk that takes too long ends it early.
Result<void> close_in_time(archive::Archive& archive, const base::Clock& clock) {
  const std::jthread watch([&](const std::stop_token& is_closed) {
    const MonotonicTime deadline = clock.now() + kCloseLimit;
    while (!is_closed.stop_requested()) {
      const bool is_urgent =
          wait_for_signal(milliseconds(20)) == SignalSeen::kStop || clock.now() >= deadline;
      if (is_urgent && !is_closed.stop_requested()) end_early();
    }
  });
  return archive.close();
}

/// What a disk refused, with what a person can do about it.
Error with_way_out(const Error& error) {
  std::string_view way_out;
  if (error.code() == ErrorCode::kPermissionDenied) {
    way_out = "; let longtake write there (owner, mount options), or name another folder by --data";
  } else if (error.code() == ErrorCode::kResourceExhausted) {
    way_out = "; make room on that disk, or name another folder by --data";
  }
  return {error.code(), fmt::format("{}{}", error.message(), way_out)};
}

Result<void> run_until_stopped(const Flags& flags, Config& config) {
  LT_ASSIGN(const auto address, listen_address(config));
  LT_ASSIGN(const auto level, base::parse_log_level(config.log_level));

  base::SystemClock clock;
  base::SystemRandom random;
  base::Metrics metrics;
  const auto logger = base::make_stderr_logger(level);
  LT_ASSIGN(const auto server, server::Server::listen(address, *logger, metrics, clock));
  LT_TRY(make_data_folder(config.data));
  LT_ASSIGN(const auto files, base::open_file_system(config.data));
  archive::Archive::Options options;
  options.policy = volume_policy_of(config);
  auto opened = archive::Archive::open(options, {*files, clock, random, *logger, metrics});
  if (!opened) return std::unexpected(with_way_out(opened.error()));
  const auto archive = *std::move(opened);
  {
    const std::size_t shards = std::max(1U, std::thread::hardware_concurrency());
    Site site(shards, {*archive, clock, *logger, metrics});
    site.apply(config);
    server->serve(*archive, site);
    LT_LOG(*logger, kInfo, "serving",
           {"url", fmt::format("http://{}:{}", config.listen.substr(0, config.listen.rfind(':')),
                               server->port())},
           {"data", config.data}, {"cameras", config.cameras.size()});
    const ServiceManager manager = ServiceManager::from_environment();
    manager.ready();
    wait_until_stopped(flags, config, *archive, site, *logger, manager);
    manager.stopping();
    LT_LOG(*logger, kInfo, "stopping",
           {"next", "every recording is being closed; a second signal does not wait"});
    server->stop();
    const bool in_order = site.stop(
        kStopLimit, [] { return wait_for_signal(milliseconds(20)) == SignalSeen::kStop; });
    if (!in_order) end_early();
  }
  LT_TRY(close_in_time(*archive, clock));
  LT_LOG(*logger, kInfo, "stopped");
  return {};
}

}  // namespace

int serve(const Flags& flags) {
  block_signals();
  prepare_process();
  auto config = load_config(flags);
  if (!config) return report(config.error());
  const auto result = run_until_stopped(flags, *config);
  return result ? kExitWell : report(result.error());
}

}  // namespace longtake::app
