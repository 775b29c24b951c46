#pragma once

#include <span>
#include <string>

#include "archive/archive.h"
#include "server/server.h"

namespace longtake::server {

/// Prometheus text of what is known only when asked: each camera's session, each recording's size and last picture.
/// What an alarm hangs on: a camera that is not connected, a recording whose last picture is old.
///
/// Limits     five lines a camera and recording.
/// Source     Prometheus text exposition format 0.0.4.
std::string camera_metrics(std::span<const NamedCamera> cameras,
                           std::span<const archive::RecordingStatus> recordings);

}  // namespace longtake::server
