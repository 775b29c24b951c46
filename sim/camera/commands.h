#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/camera/camera.h"
#include "sim/camera/client.h"
#include "sim/camera/media_library.h"

namespace longtake::camsim {

/// What a command acts on.
struct CommandContext {
  Camera& camera;
  std::vector<Client*> clients;  // of that camera
  MediaLibrary& library;
  SimTime now;
};

/// Carries out `COMMAND ARGUMENTS...` on one camera; a wrong one answers how it is written.
Result<void> run_command(CommandContext& context, std::span<const std::string_view> words);

/// Every command with its arguments and what it does, for --help and `help`.
std::string command_help();

}  // namespace longtake::camsim
