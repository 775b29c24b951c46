#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

namespace longtake::server {

/// The camera behind a recording, as the API shows it.
struct CameraView {
  std::string url;  // never with user info
  bool is_connected = false;
  std::optional<std::string> last_error;
  std::uint64_t reconnects = 0;
  std::uint64_t packets_lost = 0;
};

struct NamedCamera {
  std::string name;  // its recording's
  CameraView view;
};

/// Who knows the cameras; any thread.
class CameraDirectory {
 public:
  virtual ~CameraDirectory() = default;
  /// Nothing when no camera feeds that recording now.
  [[nodiscard]] virtual std::optional<CameraView> camera_of(const std::string& recording) const = 0;
  /// All that run, by name.
  [[nodiscard]] virtual std::vector<NamedCamera> cameras() const = 0;
};

/// Address to listen on: "127.0.0.1:8080", "[::1]:8080", port 0 for a free one.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;

  static Result<ListenAddress> parse(std::string_view text);
  [[nodiscard]] bool is_loopback() const;
};

/// The HTTP surface of one recorder: router, API, media files; its own threads and event loops.
///
/// Thread     every method from the owner's thread.
/// Limits     base/limits.h, "HTTP".
/// Errors     listen: kFailedPrecondition with a sentence when the port is in use, kInvalidArgument for an address that
///            is not ours.
class Server {
 public:
  /// Binds the port, answers nothing yet: so that a port in use is known before anything is recorded.
  static Result<std::unique_ptr<Server>> listen(const ListenAddress& address, base::Logger& logger,
                                                base::Metrics& metrics, base::Clock& clock);
  virtual ~Server() = default;
  /// Starts to answer, from these. Both outlive the server or its `stop`.
  virtual void serve(archive::Archive& archive, const CameraDirectory& cameras) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Ends every connection at once, the answers that are on their way too; returns when no thread of it runs.
  virtual void stop() = 0;
};

}  // namespace longtake::server
