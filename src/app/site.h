#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "archive/archive.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "server/server.h"

namespace longtake::app {

/// The cameras of one site on their shards: one event loop a core, each camera on one of them for life.
///
/// Thread     `apply` and `stop` from the owner's thread; `camera_of` from any.
/// Limits     limits::kCameras; and as many as the descriptor limit carries, further ones refused with a sentence.
class Site final : public server::CameraDirectory {
 public:
  struct Environment {
    archive::Archive& archive;
    base::Clock& clock;
    base::Logger& logger;
    base::Metrics& metrics;
  };

  Site(std::size_t shards, Environment environment);
  ~Site() override;

  /// Makes the running cameras those of `config`: starts, changes and stops only what differs. A camera that cannot
  /// start is logged and left out; the others go on.
  void apply(const Config& config);

  /// Ends every session and closes every recording in order, all at once; false when `is_urgent` turned true or `limit`
  /// passed before all were durable.
  bool stop(nanoseconds limit, const std::function<bool()>& is_urgent);

  [[nodiscard]] std::optional<server::CameraView> camera_of(
      const std::string& recording) const override;
  [[nodiscard]] std::vector<server::NamedCamera> cameras() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longtake::app
