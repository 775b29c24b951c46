// The requests and answers of a session; its bytes, ticks and frames are in session.cc.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "rtsp/session.h"
#include "rtsp/text.h"

namespace longtake::rtsp {

namespace {

using media::Reason;

constexpr std::string_view kUserAgent = "longtake";
constexpr std::string_view kOurMethods = "OPTIONS, ANNOUNCE, GET_PARAMETER, SET_PARAMETER";
constexpr std::size_t kMaxSessionIdBytes = 256;

void append_text(Bytes& out, std::string_view text) { ByteWriter(out).text(text); }

struct ChannelPair {
  std::uint8_t rtp = 0;
  std::uint8_t rtcp = 0;
};

/// "RTP/AVP/TCP;unicast;interleaved=0-1": the channels the camera will use; nothing where it does
/// not say.
std::optional<ChannelPair> channels_of(std::string_view transport) {
  while (!transport.empty()) {
    const auto [name, value] = split_once(trimmed(take_until(transport, ';')), '=');
    if (!equals_ignoring_case(name, "interleaved")) continue;
    const auto [first, second] = split_once(value, '-');
    const auto rtp = parse_number(trimmed(first));
    if (!rtp || *rtp > 255) return std::nullopt;
    const auto rtcp = parse_number(trimmed(second)).value_or(*rtp + 1);
    return ChannelPair{static_cast<std::uint8_t>(*rtp), static_cast<std::uint8_t>(rtcp & 0xffU)};
  }
  return std::nullopt;
}

/// "12345678;timeout=60": the time-out, if it is given.
std::optional<seconds> timeout_of(std::string_view session) {
  take_until(session, ';');
  while (!session.empty()) {
    const auto [name, value] = split_once(trimmed(take_until(session, ';')), '=');
    if (!equals_ignoring_case(trimmed(name), "timeout")) continue;
    const auto number = parse_number(trimmed(value));
    if (number && *number > 0) return seconds(*number);
  }
  return std::nullopt;
}

std::string status_text(const Message& answer) {
  return printable(fmt::format("{} {}", answer.status, answer.phrase));
}

std::string join(const std::vector<media::SkippedTrack>& skipped) {
  std::string out;
  for (const media::SkippedTrack& track : skipped) {
    if (!out.empty()) out += "; ";
    out += track.description;
  }
  return out;
}

}  // namespace

void Session::start(MonotonicTime now) {
  state_ = State::kOptions;
  send(Purpose::kHandshake, "OPTIONS", url_.request_uri(), "", now);
}

void Session::tear_down(MonotonicTime now) {
  if (!has_session()) return;
  state_ = State::kTearingDown;
  send(Purpose::kTearDown, "TEARDOWN", plan_.aggregate_uri, "", now);
}

void Session::send(Purpose purpose, std::string_view method, std::string uri, std::string headers,
                   MonotonicTime now) {
  request_ = Request{.purpose = purpose,
                     .method = std::string(method),
                     .uri = std::move(uri),
                     .headers = std::move(headers),
                     .sequence = 0,
                     .had_authorization = false,
                     .is_repeated = false,
                     .sent = now};
  write_request(now);
}

void Session::write_request(MonotonicTime now) {
  request_->sequence = next_sequence_++;
  request_->sent = now;
  std::string text = fmt::format("{} {} RTSP/1.0\r\nCSeq: {}\r\nUser-Agent: {}\r\n",
                                 request_->method, request_->uri, request_->sequence, kUserAgent);
  if (!session_id_.empty()) text += fmt::format("Session: {}\r\n", session_id_);
  const std::string authorization = authenticator_.authorization(request_->method, request_->uri);
  request_->had_authorization = !authorization.empty();
  if (request_->had_authorization) text += fmt::format("Authorization: {}\r\n", authorization);
  text += request_->headers;
  text += "\r\n";
  append_text(output_, text);
}

void Session::on_message(const Message& message, MonotonicTime now) {
  if (message.is_request) {
    on_request(message);
  } else {
    on_answer(message, now);
  }
}

/// Some cameras ask us things, or talk first.
void Session::on_request(const Message& request) {
  const bool is_known = kOurMethods.find(request.method) != std::string_view::npos;
  std::string text = is_known ? "RTSP/1.0 200 OK\r\n" : "RTSP/1.0 501 Not Implemented\r\n";
  const auto sequence = parse_number(request.header("CSeq"));
  if (sequence) text += fmt::format("CSeq: {}\r\n", *sequence);
  if (request.method == "OPTIONS") text += fmt::format("Public: {}\r\n", kOurMethods);
  text += "\r\n";
  append_text(output_, text);
  if (request.method == "TEARDOWN")
    end(Reason::kCameraDisconnected, "the camera ended the session (TEARDOWN)");
}

void Session::on_answer(const Message& answer, MonotonicTime now) {
  if (!request_ || answer.status < 200) return;
  const auto sequence = parse_number(answer.header("CSeq"));
  if (sequence && *sequence != request_->sequence)
    return;  // the late answer to a keep-alive given up on
  if (answer.status == 401 && repeat_with_credentials(answer, now)) return;
  if (end_) return;
  if (answer.status < 300 && request_->had_authorization) credentials_accepted_ = true;
  const Request answered = std::move(*request_);
  request_.reset();
  switch (answered.purpose) {
    case Purpose::kKeepAlive:
      if (answer.status == 454)
        end(Reason::kCameraDisconnected, "the camera has forgotten the session (454)");
      keep_alive_.on_answer(answer.status, now);
      return;
    case Purpose::kTearDown:
      state_ = State::kTornDown;
      return;
    case Purpose::kHandshake:
      request_ = answered;  // for the words of a refusal; the next request replaces it
      on_handshake_answer(answer, now);
      return;
  }
}

/// Whether the request went out again. Once without credentials, then with them; a third time only
/// where the nonce, not the password, was refused: cameras lock out who tries too often (CAM-05).
bool Session::repeat_with_credentials(const Message& answer, MonotonicTime now) {
  if (request_->purpose == Purpose::kTearDown) return false;
  const auto challenge = choose_challenge(answer.all_headers("WWW-Authenticate"));
  const auto& tried = authenticator_.challenge();
  const bool is_first = !request_->had_authorization;
  const bool is_other_scheme = challenge && tried && challenge->scheme != tried->scheme;
  const bool may_repeat =
      is_first || (!request_->is_repeated && challenge &&
                   (challenge->is_stale || credentials_accepted_ || is_other_scheme));
  if (challenge && authenticator_.has_credentials() && may_repeat) {
    authenticator_.set_challenge(*challenge);
    request_->is_repeated = !is_first;
    write_request(now);
    return true;
  }
  if (request_->purpose == Purpose::kKeepAlive) return false;
  if (!authenticator_.has_credentials()) {
    end(Reason::kAuthFailed,
        fmt::format("{} answered 401; the camera wants a user name and password, and none are "
                    "configured",
                    request_->method));
  } else if (!challenge) {
    end(Reason::kAuthFailed,
        fmt::format("{} answered 401 and offers no authentication that longtake speaks (Basic, "
                    "Digest MD5): {}",
                    request_->method, printable(answer.header("WWW-Authenticate"))));
  } else {
    end(Reason::kAuthFailed,
        fmt::format(
            "{} answered 401 after {} login; check the user name and password for this camera",
            request_->method, tried->scheme == AuthScheme::kDigest ? "digest" : "basic"));
  }
  return false;
}

void Session::on_handshake_answer(const Message& answer, MonotonicTime now) {
  switch (state_) {
    case State::kOptions:
      // A camera that does not know OPTIONS may still know the rest.
      if (answer.status < 300) keep_alive_.set_public_methods(answer.header("Public"));
      state_ = State::kDescribe;
      send(Purpose::kHandshake, "DESCRIBE", url_.request_uri(), "Accept: application/sdp\r\n", now);
      return;
    case State::kDescribe:
      return on_described(answer, now);
    case State::kSetup:
      return on_set_up(answer, now);
    case State::kPlay:
    case State::kPlaying:
      if (answer.status == 457 && !std::exchange(play_without_range_, true)) return send_play(now);
      if (answer.status >= 300) return refuse(answer);
      request_.reset();
      if (state_ == State::kPlay) begin_playing(now);
      return;
    default:
      return;
  }
}

void Session::refuse(const Message& answer) {
  const std::string what = fmt::format("{} answered {}", request_->method, status_text(answer));
  if (answer.status < 400) {
    end(Reason::kRefusedByPolicy,
        fmt::format("{}: the camera redirects to {}, which is not followed; use that URL", what,
                    printable(without_user_info(answer.header("Location")))));
  } else if (answer.status == 403) {
    end(Reason::kAuthFailed, what + "; this user may not see the stream");
  } else if (answer.status == 404) {
    end(Reason::kUnsupportedMedia, what + "; check the path of the camera's URL");
  } else if (answer.status >= 500 || answer.status == 453 || answer.status == 454) {
    end(Reason::kCameraDisconnected, what);
  } else {
    end(Reason::kUnsupportedMedia, what);
  }
}

void Session::on_described(const Message& answer, MonotonicTime now) {
  if (answer.status >= 300) return refuse(answer);
  const auto description = parse_sdp(answer.body);
  if (!description) {
    return end(Reason::kUnsupportedMedia,
               fmt::format("DESCRIBE answered without a usable description: {}",
                           description.error().message()));
  }
  std::string base = url_.request_uri();
  for (const std::string_view name : {"Content-Location", "Content-Base"}) {
    const std::string_view given = answer.header(name);
    if (starts_with_ignoring_case(given, "rtsp://") && is_plain_uri(given))
      base = without_user_info(given);
  }
  plan_ = plan_tracks(*description, base, sink_);
  is_set_up_.assign(plan_.tracks.size(), false);
  state_ = State::kSetup;
  next_setup_ = 0;
  send_next_setup(now);
}

void Session::send_next_setup(MonotonicTime now) {
  if (next_setup_ < plan_.tracks.size()) {
    const std::string transport =
        fmt::format("Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n", 2 * next_setup_,
                    2 * next_setup_ + 1);
    return send(Purpose::kHandshake, "SETUP", plan_.tracks[next_setup_].control_uri, transport,
                now);
  }
  if (std::ranges::find(is_set_up_, true) == is_set_up_.end()) {
    if (!failed_setup_.empty()) return end(Reason::kCameraDisconnected, failed_setup_);
    return end(Reason::kUnsupportedMedia,
               fmt::format("the camera offers no track that longtake can record ({})",
                           join(plan_.skipped)));
  }
  state_ = State::kPlay;
  send_play(now);
}

void Session::on_set_up(const Message& answer, MonotonicTime now) {
  const std::size_t index = next_setup_++;
  if (answer.status == 454) return refuse(answer);
  if (answer.status >= 300) {
    // Trouble of the camera's (sound switched off in its menu, no session left): the other tracks may do. If none does,
    // it may pass.
    if (answer.status >= 500 || answer.status == 453)
      failed_setup_ = fmt::format("SETUP answered {}", status_text(answer));
    plan_.skipped.push_back({fmt::format("{}: SETUP answered {}", plan_.tracks[index].description,
                                         status_text(answer))});
    return send_next_setup(now);
  }
  const std::string_view session = answer.header("Session");
  const std::string_view id = trimmed(session.substr(0, session.find(';')));
  if (!id.empty() && id.size() <= kMaxSessionIdBytes && is_plain_uri(id)) session_id_ = id;
  if (const auto timeout = timeout_of(session)) keep_alive_.set_timeout(*timeout);

  const auto ours = static_cast<std::uint8_t>(2 * index);
  auto channels = channels_of(answer.header("Transport"))
                      .value_or(ChannelPair{ours, static_cast<std::uint8_t>(ours + 1)});
  // A camera that gives every track the same channels means ours.
  if (channels_[channels.rtp].track >= 0) channels = {ours, static_cast<std::uint8_t>(ours + 1)};
  channels_[channels.rtcp] = {.track = static_cast<std::int8_t>(index), .is_rtcp = true};
  channels_[channels.rtp] = {.track = static_cast<std::int8_t>(index), .is_rtcp = false};
  scanner_.set_known_channel(channels.rtp);
  scanner_.set_known_channel(channels.rtcp);
  is_set_up_[index] = true;
  send_next_setup(now);
}

void Session::send_play(MonotonicTime now) {
  send(Purpose::kHandshake, "PLAY", plan_.aggregate_uri,
       play_without_range_ ? "" : "Range: npt=0.000-\r\n", now);
}

}  // namespace longtake::rtsp
