#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/camera/camera.h"

namespace longtake::camsim {

/// One `--media NAME=FILE.h264[,FILE.aac][,KEY=VALUE...]`.
struct MediaOption {
  std::string name;
  std::string video_path;
  std::string audio_path;
  PictureRate rate;
  PacketLayout layout;
  std::size_t copies = 0;  // 0: one camera NAME; N: cameras NAME-1 … NAME-N
};

struct Options {
  std::string address = "127.0.0.1";  // of the RTSP port; the control port is on 127.0.0.1
  std::uint16_t port = 0;             // 0 asks for a free one
  std::uint16_t control_port = 0;
  std::vector<MediaOption> media;
  std::vector<std::string> commands;  // carried out before the first client
  std::string script_path;
  std::string sent_log_path;
  std::string event_log_path;
  double speed = 1;
  std::chrono::milliseconds batch{5};  // wakes at most this often
  std::uint64_t seed = 1;
  bool wants_help = false;
};

/// Errors name the flag and say what it takes.
Result<Options> parse_options(std::span<const std::string_view> arguments);
std::string usage();

}  // namespace longtake::camsim
