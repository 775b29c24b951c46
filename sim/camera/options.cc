#include "sim/camera/options.h"

#include <fmt/format.h>

#include <cmath>

#include "sim/camera/command_words.h"
#include "sim/camera/commands.h"

namespace longtake::camsim {
namespace {

constexpr std::size_t kMaxCopies = 4096;

Error bad(std::string_view flag, std::string_view value, std::string_view expected) {
  return {ErrorCode::kInvalidArgument, fmt::format("{} {}: {}", flag, value, expected)};
}

std::optional<PictureRate> parse_rate(std::string_view text) {
  const auto slash = text.find('/');
  const auto pictures = parse_number(text.substr(0, slash));
  const auto divisor = slash == std::string_view::npos ? 1 : parse_count(text.substr(slash + 1));
  if (!pictures || !divisor || *divisor == 0 || *pictures < 0.01 || *pictures > 30'000'000)
    return std::nullopt;
  const auto thousandths = std::int64_t{std::llround(*pictures * 1000)};
  return PictureRate{thousandths, static_cast<std::int64_t>(*divisor) * 1000};
}

bool set_media_value(MediaOption& media, std::string_view key, std::string_view value) {
  if (key == "fps") {
    const auto rate = parse_rate(value);
    if (rate) media.rate = *rate;
    return rate.has_value();
  }
  if (key == "stap") {
    media.layout.aggregate = value != "off";
    return value == "on" || value == "off";
  }
  const auto count = parse_count(value);
  if (key == "mtu" && count && *count >= 64 && *count <= 60000) {
    media.layout.max_payload_bytes = *count;
    return true;
  }
  if (key == "copies" && count && *count >= 1 && *count <= kMaxCopies) {
    media.copies = *count;
    return true;
  }
  return false;
}

Result<MediaOption> parse_media(std::string_view text) {
  constexpr std::string_view kForm =
      "write NAME=FILE.h264[,FILE.aac][,fps=15][,mtu=1400][,stap=on|off][,copies=N]";
  MediaOption media;
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return std::unexpected(bad("--media", text, kForm));
  media.name = text.substr(0, equals);
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (const auto at = item.find('='); at != std::string_view::npos) {
      if (!set_media_value(media, item.substr(0, at), item.substr(at + 1))) {
        return std::unexpected(bad("--media", item, kForm));
      }
    } else {
      (item.ends_with(".aac") ? media.audio_path : media.video_path) = item;
    }
  }
  if (media.video_path.empty()) return std::unexpected(bad("--media", text, kForm));
  return media;
}

Result<std::uint16_t> parse_port(std::string_view flag, std::string_view value) {
  const auto port = parse_count(value);
  if (!port || *port > 65535)
    return std::unexpected(bad(flag, value, "a port from 0 (a free one) to 65535"));
  return static_cast<std::uint16_t>(*port);
}

Result<void> set_flag(Options& options, std::string_view flag, std::string_view value) {
  if (flag == "--port") {
    LT_ASSIGN(options.port, parse_port(flag, value));
  } else if (flag == "--address") {
    if (!value.starts_with("127."))
      return std::unexpected(bad(flag, value, "an address of this machine's loopback, 127.x.y.z"));
    options.address = value;
  } else if (flag == "--control") {
    LT_ASSIGN(options.control_port, parse_port(flag, value));
  } else if (flag == "--media") {
    LT_ASSIGN(MediaOption media, parse_media(value));
    options.media.push_back(std::move(media));
  } else if (flag == "--do") {
    options.commands.emplace_back(value);
  } else if (flag == "--script") {
    options.script_path = value;
  } else if (flag == "--sent-log") {
    options.sent_log_path = value;
  } else if (flag == "--fault-log") {
    options.event_log_path = value;
  } else if (flag == "--speed") {
    const auto speed = parse_number(value);
    if (!speed || *speed < 0.01 || *speed > 1000)
      return std::unexpected(bad(flag, value, "a factor from 0.01 to 1000"));
    options.speed = *speed;
  } else if (flag == "--batch") {
    const auto batch = parse_duration(value);
    if (!batch || *batch < std::chrono::milliseconds(1) || *batch > std::chrono::seconds(1)) {
      return std::unexpected(bad(flag, value, "a time from 1ms to 1s"));
    }
    options.batch = *batch;
  } else if (flag == "--seed") {
    const auto seed = parse_count(value);
    if (!seed) return std::unexpected(bad(flag, value, "a number"));
    options.seed = *seed;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: no such flag; --help lists them", flag));
  }
  return {};
}

}  // namespace

Result<Options> parse_options(std::span<const std::string_view> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view flag = arguments[i];
    if (flag == "--help" || flag == "-h") {
      options.wants_help = true;
      return options;
    }
    if (const auto equals = flag.find('=');
        flag.starts_with("--") && equals != std::string_view::npos) {
      LT_TRY(set_flag(options, flag.substr(0, equals), flag.substr(equals + 1)));
      continue;
    }
    if (i + 1 == arguments.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: wants a value; --help lists the flags", flag));
    }
    LT_TRY(set_flag(options, flag, arguments[++i]));
  }
  if (options.media.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "no camera; give at least one --media NAME=FILE.h264[,FILE.aac]");
  }
  return options;
}

std::string usage() {
  return "longtake-camsim: RTSP cameras that play files, number every picture, and misbehave on "
         "cue\n\n"
         "  longtake-camsim --media front=sim/media/front.h264,sim/media/front.aac,fps=15 [flags]\n"
         "  ffplay -rtsp_transport tcp rtsp://127.0.0.1:PORT/front\n\n"
         "  --media NAME=FILE.h264[,FILE.aac][,fps=15][,mtu=1400][,stap=on|off][,copies=N]\n"
         "                      a camera at /NAME (copies: /NAME-1 … /NAME-N), looping an Annex B "
         "file and an ADTS file;\n"
         "                      FILE.pts beside it holds each picture's presentation position, for "
         "B-frames\n"
         "  --port N            RTSP on 127.0.0.1:N; 0 (default): a free port, printed as "
         "`listening port=N`\n"
         "  --address A         of the RTSP port: 127.0.0.1, or another of loopback, as if it were "
         "another machine\n"
         "  --control N         commands, a line each, on 127.0.0.1:N; 0 (default): free, printed "
         "as `control port=N`;\n"
         "                      each is answered by lines, the last of which begins with `ok` or "
         "`error`\n"
         "  --do 'COMMAND'      a command before the first client; may be repeated\n"
         "  --script FILE       commands by time: `12.5s front drop`, `every 2s times 500 front "
         "drop`\n"
         "  --sent-log FILE     a line for each picture sent: path client number rtp_ts wall_us "
         "bytes crc32c key lost\n"
         "                      sent_us oversize\n"
         "  --fault-log FILE    a line for each fault, request, session and close: wall_us path "
         "what details\n"
         "  --speed N           all cameras take N times as many pictures a second\n"
         "  --batch TIME        wakes at most this often (5ms)\n"
         "  --seed N            of everything random (1)\n\n" +
         command_help();
}

}  // namespace longtake::camsim
