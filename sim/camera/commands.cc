#include "sim/camera/commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/camera/command_words.h"

namespace longtake::camsim {
namespace {

using Arguments = std::span<const std::string_view>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// False: the arguments make no sense, and the answer is the usage.
using Handler = Result<bool> (*)(CommandContext&, Arguments);

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view does;
  Handler handler;
};

std::string_view at(Arguments arguments, std::size_t index) {
  return index < arguments.size() ? arguments[index] : std::string_view{};
}

bool has(Arguments arguments, std::string_view word) {
  return std::ranges::find(arguments, word) != arguments.end();
}

std::optional<bool> parse_switch(std::string_view text) {
  if (text == "on") return true;
  if (text == "off") return false;
  return std::nullopt;
}

Result<bool> set_switch(bool& target, std::string_view text) {
  const auto value = parse_switch(text);
  if (value) target = *value;
  return value.has_value();
}

Result<bool> drop(CommandContext& context, Arguments arguments) {
  const CloseKind kind = has(arguments, "rst") ? CloseKind::kReset : CloseKind::kFin;
  for (Client* client : context.clients) {
    if (has(arguments, "mid") && client->sender() != nullptr) {
      client->cut_next_picture(kind);
    } else {
      client->close(kind, "drop");
    }
  }
  return true;
}

Result<bool> stall(CommandContext& context, Arguments arguments) {
  const auto duration = parse_duration(at(arguments, 0));
  if (!duration) return false;
  context.camera.settings.stalled_until = context.now + *duration;
  context.camera.settings.stall_skips = at(arguments, 1) == "skip";
  return true;
}

Result<bool> freeze(CommandContext& context, Arguments arguments) {
  if (!arguments.empty()) {
    const auto duration = parse_duration(arguments[0]);
    if (!duration) return false;
    context.camera.settings.frozen_until = context.now + *duration;
  }
  for (Client* client : context.clients) client->freeze();
  return true;
}

Result<bool> thaw(CommandContext& context, Arguments) {
  context.camera.settings.frozen_until.reset();
  for (Client* client : context.clients) client->thaw();
  return true;
}

Result<bool> lose(CommandContext& context, Arguments arguments) {
  LossRule& rule = context.camera.settings.loss;
  std::string_view first = at(arguments, 0);
  if (first == "off") {
    rule = {};
    return true;
  }
  if (first == "every" || first == "next") {
    const auto count = parse_count(at(arguments, 1));
    if (!count) return false;
    (first == "every" ? rule.every : rule.next) = *count;
    return true;
  }
  if (!first.ends_with('%')) return false;
  const auto percent = parse_number(first.substr(0, first.size() - 1));
  if (!percent || *percent < 0 || *percent > 100) return false;
  rule.fraction = *percent / 100;
  return true;
}

Result<bool> jump(CommandContext& context, Arguments arguments) {
  const auto step = parse_duration(at(arguments, 0));
  if (step) context.camera.jump(*step, context.now);
  return step.has_value();
}

Result<bool> wrap(CommandContext& context, Arguments arguments) {
  const auto before = arguments.empty() ? milliseconds(1000) : parse_duration(arguments[0]);
  if (!before) return false;
  context.camera.approach_wrap(*before, context.now);
  context.camera.settings.first_sequence = std::uint16_t{65500};
  return true;
}

Result<bool> ssrc(CommandContext& context, Arguments arguments) {
  if (arguments.empty()) {
    context.camera.change_ssrc();
    return true;
  }
  if (arguments[0] != "stray") return false;
  const auto count = arguments.size() > 1 ? parse_count(arguments[1]) : 2;
  if (!count || *count > 1000) return false;
  for (Client* client : context.clients) {
    if (client->sender() != nullptr)
      client->sender()->send_stray_packets(static_cast<std::uint32_t>(*count));
  }
  return true;
}

Result<bool> params(CommandContext& context, Arguments arguments) {
  const bool alternates = at(arguments, 0) == "alternate";
  std::string_view files = at(arguments, alternates ? 1 : 0);
  if (files.empty()) return false;
  const auto comma = files.find(',');
  const std::string audio(comma == std::string_view::npos ? std::string_view{}
                                                          : files.substr(comma + 1));
  const PacketizedMediaPtr present = context.camera.media();
  LT_ASSIGN(PacketizedMediaPtr media,
            context.library.load(std::string(files.substr(0, comma)), audio, present->layout));
  if (alternates)
    media = packetize(MediaFile::alternate(present->file, media->file), present->layout);
  context.camera.switch_media(std::move(media), context.now);
  return true;
}

Result<bool> refuse(CommandContext& context, Arguments arguments) {
  CameraSettings& settings = context.camera.settings;
  if (at(arguments, 0) == "connection") {
    settings.refusal = Refusal::kConnection;
    return true;
  }
  const auto status = parse_count(at(arguments, 0));
  if (!status || *status < 300 || *status > 599) return false;
  settings.refusal = Refusal::kStatus;
  settings.refusal_status = static_cast<int>(*status);
  settings.refusal_method = at(arguments, 1);
  if (arguments.size() < 2 && *status == 454) settings.refusal_method = "PLAY";
  if (arguments.size() < 2 && *status == 461) settings.refusal_method = "SETUP";
  return true;
}

Result<bool> accept(CommandContext& context, Arguments) {
  context.camera.settings.refusal = Refusal::kNone;
  return true;
}

Result<bool> trickle(CommandContext& context, Arguments arguments) {
  return set_switch(context.camera.settings.trickles, arguments.empty() ? "on" : arguments[0]);
}

Result<bool> flood(CommandContext& context, Arguments arguments) {
  constexpr std::pair<std::string_view, FloodMode> kModes[] = {{"off", FloodMode::kNone},
                                                               {"headers", FloodMode::kHeaders},
                                                               {"line", FloodMode::kLine},
                                                               {"body", FloodMode::kBody}};
  for (const auto& [name, mode] : kModes) {
    if (at(arguments, 0) != name) continue;
    context.camera.settings.flood = mode;
    return true;
  }
  return false;
}

Result<bool> http(CommandContext& context, Arguments arguments) {
  return set_switch(context.camera.settings.speaks_http, arguments.empty() ? "on" : arguments[0]);
}

Result<bool> auth(CommandContext& context, Arguments arguments) {
  constexpr std::pair<std::string_view, AuthScheme> kSchemes[] = {
      {"on", AuthScheme::kDigest},
      {"digest", AuthScheme::kDigest},
      {"digest-qop", AuthScheme::kDigestQop},
      {"basic", AuthScheme::kBasic}};
  if (at(arguments, 0) == "off") {
    context.camera.authenticator.require({});
    return true;
  }
  if (at(arguments, 0) == "stale") {
    context.camera.authenticator.renew_nonce();
    return true;
  }
  for (const auto& [name, scheme] : kSchemes) {
    if (at(arguments, 0) != name || arguments.size() != 3) continue;
    context.camera.authenticator.require(
        {scheme, std::string(arguments[1]), std::string(arguments[2])});
    return true;
  }
  return false;
}

Result<bool> rtcp(CommandContext& context, Arguments arguments) {
  constexpr std::pair<std::string_view, RtcpMode> kModes[] = {{"on", RtcpMode::kOn},
                                                              {"off", RtcpMode::kOff},
                                                              {"absurd", RtcpMode::kAbsurd},
                                                              {"late", RtcpMode::kLate}};
  for (const auto& [name, mode] : kModes) {
    if (at(arguments, 0) != name) continue;
    context.camera.settings.rtcp = mode;
    return true;
  }
  return false;
}

Result<bool> redate(CommandContext& context, Arguments arguments) {
  const auto step = parse_duration(at(arguments, 0));
  if (step)
    context.camera.settings.camera_clock_offset += std::chrono::duration_cast<seconds>(*step);
  return step.has_value();
}

Result<bool> speed(CommandContext& context, Arguments arguments) {
  const auto factor = parse_number(at(arguments, 0));
  if (!factor || *factor < 0.01 || *factor > 1000) return false;
  context.camera.set_speed(*factor, context.now);
  return true;
}

Result<bool> timestamps(CommandContext& context, Arguments arguments) {
  constexpr std::pair<std::string_view, TimestampMode> kModes[] = {
      {"true", TimestampMode::kTrue},
      {"zero", TimestampMode::kZero},
      {"constant", TimestampMode::kConstant},
      {"random", TimestampMode::kRandom},
      {"backward", TimestampMode::kBackward}};
  for (const auto& [name, mode] : kModes) {
    if (at(arguments, 0) != name) continue;
    context.camera.set_timestamps(mode, context.now);
    return true;
  }
  return false;
}

Result<bool> audio(CommandContext& context, Arguments arguments) {
  return set_switch(context.camera.settings.sends_audio, at(arguments, 0));
}

Result<bool> oversize(CommandContext& context, Arguments arguments) {
  const auto mebibytes = arguments.empty() ? 18 : parse_count(arguments[0]);
  if (!mebibytes || *mebibytes == 0 || *mebibytes > 256) return false;
  context.camera.make_oversize(*mebibytes << 20U, context.now);
  return true;
}

Result<bool> nokey(CommandContext& context, Arguments arguments) {
  const auto duration = parse_duration(at(arguments, 0));
  if (duration) context.camera.withhold_keys(*duration, context.now);
  return duration.has_value();
}

Result<bool> ratelie(CommandContext& context, Arguments arguments) {
  const auto factor = arguments.empty() ? 1.2 : parse_number(arguments[0]);
  if (!factor || *factor < 0.01 || *factor > 100) return false;
  context.camera.set_media_rate(*factor, context.now);
  return true;
}

Result<bool> start(CommandContext& context, Arguments arguments) {
  constexpr std::pair<std::string_view, StartPolicy> kPolicies[] = {
      {"key", StartPolicy::kKey}, {"gop", StartPolicy::kGop}, {"mid", StartPolicy::kMid}};
  for (const auto& [name, policy] : kPolicies) {
    if (at(arguments, 0) != name) continue;
    context.camera.settings.start = policy;
    return true;
  }
  return false;
}

Result<bool> session(CommandContext& context, Arguments arguments) {
  CameraSettings& settings = context.camera.settings;
  if (at(arguments, 0) == "getparam")
    return set_switch(settings.refuses_get_parameter, at(arguments, 1) == "refuse" ? "on" : "off");
  if (at(arguments, 0) == "options")
    return set_switch(settings.refuses_options, at(arguments, 1) == "refuse" ? "on" : "off");
  if (at(arguments, 0) != "timeout") return false;
  const auto timeout = parse_duration(at(arguments, 1));
  if (!timeout || *timeout < seconds(1)) return false;
  settings.session_timeout = std::chrono::duration_cast<seconds>(*timeout);
  settings.enforces_timeout = at(arguments, 2) == "enforce";
  return true;
}

Result<bool> sdp(CommandContext& context, Arguments arguments) {
  DescriptionSettings& settings = context.camera.settings.description;
  const std::string_view what = at(arguments, 0);
  const std::string_view value = at(arguments, 1);
  if (what == "sprop") return set_switch(settings.has_parameter_sets, value);
  if (what == "audio") return set_switch(settings.has_audio, value);
  if (what == "extra") return set_switch(settings.has_extra_tracks, value);
  if (what == "unknown") return set_switch(settings.has_only_unknown, value);
  if (what == "rate") {
    const auto factor = parse_number(value);
    if (factor) settings.rate_factor = *factor;
    return factor.has_value();
  }
  if (arguments.size() < 2) return false;
  const std::string text = unescape(fmt::format("{}", fmt::join(arguments.subspan(1), " ")));
  if (what == "title") settings.title = text;
  if (what == "codec") settings.unknown_codec = text;
  return what == "title" || what == "codec";
}

Result<bool> phrase(CommandContext& context, Arguments arguments) {
  context.camera.settings.phrase = unescape(fmt::format("{}", fmt::join(arguments, " ")));
  return true;
}

constexpr Command kCommands[] = {
    {"drop", "[rst] [mid]",
     "closes its connections: FIN or RST, between pictures or in the middle of the next", drop},
    {"stall", "TIME [skip]",
     "sends nothing; afterwards all that waited (15 s at most) at once, or skips it", stall},
    {"freeze", "[TIME]",
     "half-open: its connections neither send, read nor close; with TIME new ones freeze too",
     freeze},
    {"thaw", "", "frozen connections go on", thaw},
    {"lose", "P% | every N | next N | off",
     "leaves RTP packets out; their sequence numbers are used up", lose},
    {"jump", "+TIME | -TIME", "RTP timestamps of all tracks leap", jump},
    {"wrap", "[TIME]",
     "RTP timestamps stand TIME (1s) before 2^32; new sessions' sequence numbers begin at 65500",
     wrap},
    {"ssrc", "[stray [N]]", "changes the SSRC, or sends N (2) packets of a strange one", ssrc},
    {"params", "FILE.h264[,FILE.aac] | alternate FILE.h264",
     "plays another file at once, or in turn at each GOP", params},
    {"refuse", "connection | STATUS [METHOD]",
     "closes new connections, or answers so (454: PLAY; 461: SETUP); `* refuse connection` stops "
     "listening",
     refuse},
    {"accept", "", "ends refuse", accept},
    {"phrase", "TEXT", "what replies of 300 and above say behind the status; \\x1b is a byte",
     phrase},
    {"trickle", "[on|off]", "one byte a second, replies and media", trickle},
    {"flood", "headers | line | body | off", "replies never end (1 GiB)", flood},
    {"http", "[on|off]", "answers like an HTTP server", http},
    {"auth", "on|digest|digest-qop|basic USER PASSWORD | stale | off",
     "asks for credentials (on: digest), or makes the nonce in use stale", auth},
    {"rtcp", "on | off | absurd | late",
     "sender reports: every 5 s, none, with absurd clocks, from 30 s after PLAY", rtcp},
    {"redate", "+TIME | -TIME", "the camera's own clock steps, in sender reports", redate},
    {"speed", "N",
     "takes N times as many pictures a second; RTP timestamps keep the media's spacing", speed},
    {"timestamps", "true | zero | constant | random | backward",
     "what the pictures' RTP timestamps say", timestamps},
    {"audio", "on | off", "sends audio, or nothing on its track", audio},
    {"oversize", "[MIB]", "the next picture is that large (18)", oversize},
    {"nokey", "TIME", "no key pictures", nokey},
    {"ratelie", "[FACTOR]", "RTP timestamps run FACTOR (1.2) times as fast as time; 1 ends it",
     ratelie},
    {"start", "key | gop | mid",
     "where sessions begin at PLAY: the next key picture, the last one in a burst, anywhere",
     start},
    {"session", "timeout TIME [enforce] | getparam refuse|allow | options refuse|allow",
     "session timeout and which keep-alives count", session},
    {"sdp", "sprop|audio|extra|unknown on|off | rate FACTOR | title TEXT | codec TEXT",
     "what the session description says (codec: of the unknown track); \\x1b is a byte", sdp},
};

}  // namespace

Result<void> run_command(CommandContext& context, std::span<const std::string_view> words) {
  if (words.empty()) return fail(ErrorCode::kInvalidArgument, "no command; say `help`");
  const auto* const found = std::ranges::find(kCommands, words[0], &Command::name);
  if (found == std::end(kCommands)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("no command \"{}\"; say `help`", words[0]));
  }
  LT_ASSIGN(const bool is_understood, found->handler(context, words.subspan(1)));
  if (!is_understood) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("usage: {} {} {}", context.camera.name(), found->name, found->usage));
  }
  return {};
}

std::string command_help() {
  std::string help =
      "commands: CAMERA|* COMMAND ...; and list, stats, sync (flush logs), help, quit\n";
  for (const Command& command : kCommands) {
    help += fmt::format("  {} {}\n      {}\n", command.name, command.usage, command.does);
  }
  return help;
}

}  // namespace longtake::camsim
