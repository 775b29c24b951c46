#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "app/commands.h"

namespace longtake::app {
namespace {

constexpr const char* kServeFooter = R"(Examples:
  longtake serve --data /srv/video --camera front=rtsp://user:password@192.0.2.7/main
  longtake serve --config /etc/longtake.toml

The config file holds the same as the flags, which win over it, and more for each camera:
  data = "/srv/video"
  keep = "30d"
  [[camera]]
  name = "front"
  url = "rtsp://192.0.2.7/main"
  username = "viewer"
  password_file = "/etc/longtake/front.password"   # or password_env = "FRONT_PASSWORD", or password = "..."
  keep = "7d"
  max_size = "200GB"

Durations: 30s, 5m, 12h, 7d, 2w or ISO 8601 (PT60S, P7D). Sizes: 500GB, 2GiB or a number of bytes.
SIGHUP reads it again and adds, changes and removes cameras without touching the others. Ctrl-C stops in order;
a second one does not wait. Logs go to stderr.
Exit codes: 0 stopped in order, 2 usage or a broken config, 3 environment: data folder, port, permissions.)";

/// "rtsp://user:password@host" with "***" for what stands before the last @ of a word.
std::string without_user_info(std::string text) {
  std::size_t at = 0;
  while ((at = text.find("://", at)) != std::string::npos) {
    at += 3;
    const std::string_view word =
        std::string_view(text).substr(at, std::string_view(text).find('\n', at) - at);
    if (const std::size_t end = word.rfind('@'); end != std::string_view::npos)
      text.replace(at, end, "***");
  }
  return text;
}

/// No core file and no debugger shows a camera's password, and no process list shows it either.
void hide_secrets(int argc, char** argv) {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (int i = 1; i < argc; ++i) {
    char* scheme = std::strstr(argv[i], "://");
    char* at = scheme != nullptr ? std::strrchr(scheme, '@') : nullptr;
    if (at != nullptr) std::memset(scheme + 3, '*', static_cast<std::size_t>(at - scheme - 3));
  }
}

void add_serve(CLI::App& app, Flags& flags) {
  CLI::App* serve = app.add_subcommand("serve", "Record cameras, keep and show what was recorded");
  serve->add_option("--data", flags.data, "Folder for everything recorded; made if missing")
      ->type_name("DIR");
  serve
      ->add_option("--listen", flags.listen,
                   "Address of the HTTP interface (default 127.0.0.1:8080; port 0: any)")
      ->type_name("HOST:PORT");
  serve
      ->add_option("--camera", flags.cameras,
                   "A camera and the name of its recording; once for each")
      ->type_name("NAME=URL")
      ->allow_extra_args(false);
  serve
      ->add_option("--segment-length", flags.segment_length,
                   "Target length of a file, 1s to 5m (default PT60S)")
      ->type_name("DURATION");
  serve
      ->add_option("--keep", flags.keep,
                   "Delete what is older, e.g. 7d (default: only when space runs out)")
      ->type_name("DURATION");
  serve
      ->add_option("--max-total-size", flags.max_total_size,
                   "Room all recordings may take, e.g. 500GB")
      ->type_name("SIZE");
  serve->add_option("--min-free", flags.min_free, "Room to leave free on the disk (default 5%)")
      ->type_name("SIZE|PERCENT");
  serve->add_option("--config", flags.config_path, "TOML file with the same and more")
      ->type_name("FILE");
  serve
      ->add_option("--log-level", flags.log_level,
                   "trace, debug, info, warning or error (default info)")
      ->type_name("LEVEL");
  serve->footer(kServeFooter);
}

int run(int argc, char** argv) {
  CLI::App app("longtake records cameras around the clock and survives anything.\n", "longtake");
  app.set_version_flag("--version", "longtake " LONGTAKE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 well, 1 findings, 2 usage, 3 environment. \"longtake COMMAND --help\" teaches "
      "each command.");

  Flags flags;
  add_serve(app, flags);

  std::string url = "http://127.0.0.1:8080";
  std::string name;
  CLI::App* recordings = app.add_subcommand("recordings", "Ask a running server what it records");
  recordings->require_subcommand(1);
  recordings->add_option("--url", url, "The server (default http://127.0.0.1:8080)");
  recordings->footer(
      "Examples:\n  longtake recordings list\n  longtake recordings show front --url "
      "http://127.0.0.1:9000\n\nTimes are UTC. Exit codes: 0 well, 2 usage, 3 nobody answers "
      "there, or "
      "no such recording.");
  CLI::App* list = recordings->add_subcommand("list", "All recordings, a line each")->fallthrough();
  CLI::App* show =
      recordings
          ->add_subcommand("show", "One recording with its camera, and the gaps of the last day")
          ->fallthrough();
  show->add_option("name", name, "The recording")->required();

  std::string folder;
  bool is_quick = false;
  CLI::App* check =
      app.add_subcommand("check", "Verify every file, the ledger and the catalog of a data folder");
  check->add_option("folder", folder, "The data folder; a server may be running on it")->required();
  check->add_flag("--quick", is_quick, "Headers and summaries only: do not read all media");
  check->footer(
      "Examples:\n  longtake check /srv/video\n  longtake check --quick /srv/video && echo "
      "well\n\nReads "
      "all media and changes nothing. Each finding is a line: how bad, which file, what, and what "
      "to "
      "do.\nExit codes: 0 all is well, 1 findings, 2 usage, 3 not a data folder, or it cannot be "
      "read.");
  CLI::App* rebuild = app.add_subcommand("rebuild", "Make the catalog anew, from media and ledger");
  rebuild->add_option("folder", folder, "The data folder; no server may be running on it")
      ->required();

  rebuild->footer(
      "Example:\n  longtake rebuild /srv/video\n\nSeldom needed: a server rebuilds a broken "
      "catalog by "
      "itself. The old one is kept beside the new.\nExit codes: 0 done, 2 usage, 3 not a data "
      "folder, or a "
      "server is running on it.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Its sentence may repeat an argument: a camera that somebody wrote without --camera.
    std::ostringstream sentence;
    const int status = app.exit(error, std::cout, sentence);
    hide_secrets(argc, argv);
    std::fputs(without_user_info(sentence.str()).c_str(), stderr);
    return status == 0 ? kExitWell : kExitUsage;
  }
  hide_secrets(argc, argv);
  if (list->parsed()) return list_recordings(url);
  if (show->parsed()) return show_recording(url, name);
  if (check->parsed()) return check_folder(folder, is_quick);
  if (rebuild->parsed()) return rebuild_folder(folder);
  return serve(flags);
}

}  // namespace

}  // namespace longtake::app

int main(int argc, char** argv) { return longtake::app::run(argc, argv); }
