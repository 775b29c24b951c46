#pragma once

#include <string>

#include "app/config.h"

/// What `longtake` can be told to do; each returns the exit code: 0 well, 1 findings, 2 usage, 3 environment.
namespace longtake::app {

enum ExitCode : int { kExitWell = 0, kExitFindings = 1, kExitUsage = 2, kExitEnvironment = 3 };

int serve(const Flags& flags);
int list_recordings(const std::string& url);
int show_recording(const std::string& url, const std::string& name);
int check_folder(const std::string& folder, bool is_quick);
int rebuild_folder(const std::string& folder);

/// Prints the error as the program's one sentence and gives the exit code that fits it.
int report(const Error& error);

}  // namespace longtake::app
