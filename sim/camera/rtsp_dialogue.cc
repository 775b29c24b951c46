#include "sim/camera/rtsp_dialogue.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "sim/camera/sdp_writer.h"

namespace longtake::camsim {
namespace {

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 451:
      return "Parameter Not Understood";
    case 454:
      return "Session Not Found";
    case 455:
      return "Method Not Valid in This State";
    case 459:
      return "Aggregate Operation Not Allowed";
    case 461:
      return "Unsupported Transport";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Refused";
  }
}

// "…;interleaved=2-3" -> 2
std::optional<std::uint8_t> channel_of(std::string_view transport) {
  constexpr std::string_view kKey = "interleaved=";
  const auto at = transport.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = transport.substr(at + kKey.size());
  std::uint8_t channel = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), channel);
  if (error != std::errc{} || channel > 254) return std::nullopt;
  return channel;
}

std::string url_of_camera(const RtspRequest& request, const Camera& camera) {
  const auto at = request.url.find("/" + camera.name());
  return request.url.substr(0, at == std::string::npos ? at : at + 1 + camera.name().size());
}

constexpr std::string_view kHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 26\r\n"
    "Connection: close\r\n\r\n<html>Bad Request</html>\r\n";

}  // namespace

RtspDialogue::RtspDialogue(FindCamera find, std::uint64_t client, std::uint64_t seed)
    : find_(std::move(find)), client_(client), seed_(seed) {}

RtspDialogue::Answer RtspDialogue::answer(const RtspRequest& request, SimTime now) {
  if (!request.version.starts_with("RTSP/")) return {std::string(kHttpAnswer), 400, true};
  if (Camera* named = find_(request.path_name())) camera_ = named;
  if (camera_ == nullptr) {
    // A keep-alive or probe for the whole server names no camera.
    return request.method == "OPTIONS" ? options(request) : reply(request, 404);
  }
  const CameraSettings& settings = camera_->settings;
  if (settings.refusal == Refusal::kConnection) return {"", 0, true};
  if (settings.speaks_http) return {std::string(kHttpAnswer), 400, true};
  if (refuses(request)) return reply(request, settings.refusal_status);
  if (request.method == "OPTIONS") {
    if (settings.refuses_options && sender_ && sender_->is_playing()) return reply(request, 501);
    last_sign_of_life_ = now;
    return options(request);
  }
  const auto verdict = camera_->authenticator.judge(request);
  if (verdict != Authenticator::Verdict::kAccepted) {
    return reply(
        request, 401,
        fmt::format("WWW-Authenticate: {}\r\n", camera_->authenticator.challenge(verdict)));
  }
  if (request.method == "GET_PARAMETER" || request.method == "SET_PARAMETER") {
    if (settings.refuses_get_parameter) return reply(request, 405);
    last_sign_of_life_ = now;
    return reply(request, 200, session_header());
  }
  last_sign_of_life_ = now;
  if (request.method == "DESCRIBE") return describe(request);
  if (request.method == "SETUP") return set_up(request);
  if (request.method == "PLAY") return play(request, now);
  if (request.method == "PAUSE" && sender_) {
    sender_->stop();
    return reply(request, 200, session_header());
  }
  if (request.method == "TEARDOWN") {
    if (sender_) sender_->stop();
    Answer answer = reply(request, 200);
    answer.closes = true;
    return answer;
  }
  return reply(request, 501);
}

bool RtspDialogue::refuses(const RtspRequest& request) const {
  const CameraSettings& settings = camera_->settings;
  if (settings.refusal != Refusal::kStatus) return false;
  if (settings.refusal_method.empty()) return request.method != "OPTIONS";
  return request.method == settings.refusal_method;
}

RtspDialogue::Answer RtspDialogue::reply(const RtspRequest& request, int status,
                                         const std::string& headers, const std::string& body) {
  Answer answer;
  answer.status = status;
  const bool has_phrase = status >= 300 && camera_ != nullptr && !camera_->settings.phrase.empty();
  answer.text =
      fmt::format("RTSP/1.0 {} {}\r\nCSeq: {}\r\n{}", status,
                  has_phrase ? std::string_view(camera_->settings.phrase) : phrase_of(status),
                  request.header("cseq"), headers);
  if (!body.empty()) answer.text += fmt::format("Content-Length: {}\r\n", body.size());
  answer.text += "\r\n" + body;
  return answer;
}

RtspDialogue::Answer RtspDialogue::options(const RtspRequest& request) {
  const bool has_get_parameter = camera_ == nullptr || !camera_->settings.refuses_get_parameter;
  return reply(request, 200,
               fmt::format("Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN{}\r\n",
                           has_get_parameter ? ", GET_PARAMETER, SET_PARAMETER" : ""));
}

RtspDialogue::Answer RtspDialogue::describe(const RtspRequest& request) {
  const std::string sdp = write_sdp(*camera_->media()->file, camera_->rate().per_second(),
                                    camera_->settings.description);
  return reply(request, 200,
               fmt::format("Content-Base: {}/\r\nContent-Type: application/sdp\r\n",
                           url_of_camera(request, *camera_)),
               sdp);
}

RtspDialogue::Answer RtspDialogue::set_up(const RtspRequest& request) {
  const std::string_view transport = request.header("transport");
  if (transport.find("RTP/AVP/TCP") == std::string_view::npos) return reply(request, 461);
  const std::string_view track = request.track_name();
  const bool is_video = track == "video";
  const bool is_extra = track == "extra1" || track == "extra2";
  if (!is_video && !is_extra && (track != "audio" || !camera_->media()->file->audio))
    return reply(request, 404);
  if (!sender_) {
    sender_ = std::make_unique<MediaSender>(*camera_, client_, seed_);
    session_ = fmt::format("{:08x}", 0x10000000U + client_);
  }
  const std::uint8_t channel = channel_of(transport).value_or(next_channel_);
  next_channel_ = static_cast<std::uint8_t>(channel + 2);
  if (!is_extra) sender_->set_up(is_video, channel);
  return reply(request, 200,
               session_header() +
                   fmt::format("Transport: RTP/AVP/TCP;unicast;interleaved={}-{};ssrc={:08X}\r\n",
                               channel, channel + 1, camera_->ssrc(is_video)));
}

RtspDialogue::Answer RtspDialogue::play(const RtspRequest& request, SimTime now) {
  if (!sender_ || !sender_->has_tracks()) return reply(request, 455);
  if (request.header("session").substr(0, session_.size()) != session_) return reply(request, 454);
  sender_->play(now);
  return reply(request, 200,
               session_header() + fmt::format("Range: npt=now-\r\nRTP-Info: {}\r\n",
                                              sender_->rtp_info(url_of_camera(request, *camera_))));
}

std::string RtspDialogue::session_header() const {
  if (session_.empty()) return {};
  return fmt::format("Session: {};timeout={}\r\n", session_,
                     camera_->settings.session_timeout.count());
}

bool RtspDialogue::is_expired(SimTime now) const {
  return sender_ && sender_->is_playing() && camera_->settings.enforces_timeout &&
         now - last_sign_of_life_ > camera_->settings.session_timeout;
}

}  // namespace longtake::camsim
