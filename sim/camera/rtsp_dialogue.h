#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sim/camera/camera.h"
#include "sim/camera/media_sender.h"
#include "sim/camera/rtsp_request.h"

namespace longtake::camsim {

/// The server's half of one RTSP conversation: answers requests, sets up and starts a MediaSender.
///
/// Interleaved TCP only: SETUP for UDP gets 461.
/// Source     RFC 2326 §10, §12.
class RtspDialogue {
 public:
  struct Answer {
    std::string text;  // to send before any media; "" says nothing
    int status = 0;
    bool closes = false;
  };
  using FindCamera = std::function<Camera*(std::string_view name)>;

  RtspDialogue(FindCamera find, std::uint64_t client, std::uint64_t seed);

  Answer answer(const RtspRequest& request, SimTime now);

  /// The camera the client's last request named; null until it named one.
  [[nodiscard]] Camera* camera() const { return camera_; }
  [[nodiscard]] MediaSender* sender() const { return sender_.get(); }
  /// The session's time has passed without a request that the camera counts as a sign of life.
  [[nodiscard]] bool is_expired(SimTime now) const;

 private:
  [[nodiscard]] bool refuses(const RtspRequest& request) const;
  Answer reply(const RtspRequest& request, int status, const std::string& headers = {},
               const std::string& body = {});
  Answer options(const RtspRequest& request);
  Answer describe(const RtspRequest& request);
  Answer set_up(const RtspRequest& request);
  Answer play(const RtspRequest& request, SimTime now);
  [[nodiscard]] std::string session_header() const;

  FindCamera find_;
  std::uint64_t client_;
  std::uint64_t seed_;
  Camera* camera_ = nullptr;
  std::unique_ptr<MediaSender> sender_;
  std::string session_;
  SimTime last_sign_of_life_{};
  std::uint8_t next_channel_ = 0;
};

}  // namespace longtake::camsim
