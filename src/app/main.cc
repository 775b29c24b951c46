#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>
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

SIGHUP reads it again and adds, changes and removes cameras without touching the others. Ctrl-C stops in order.)";

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
  CLI::App* rebuild = app.add_subcommand("rebuild", "Make the catalog anew, from media and ledger");
  rebuild->add_option("folder", folder, "The data folder; no server may be running on it")
      ->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitWell : kExitUsage;
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
