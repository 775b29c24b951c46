#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sim/camera/camera.h"
#include "sim/camera/client.h"
#include "sim/camera/commands.h"
#include "sim/camera/control_port.h"
#include "sim/camera/options.h"
#include "sim/camera/script.h"

namespace longtake::camsim {

/// The whole program as a library: cameras behind one RTSP port on loopback, and a control port.
///
/// Thread     run() and everything it calls on one thread; stop() from any.
/// Errors     open() says which file, port or command was wrong.
class Simulator {
 public:
  static Result<std::unique_ptr<Simulator>> open(const Options& options);
  ~Simulator();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t control_port() const { return control_port_; }

  /// Serves until stop() or `quit`.
  Result<void> run();
  void stop();
  /// Carries out one control line; the answer's last line begins with `ok` or `error`.
  std::string execute(std::string_view line);

 private:
  Simulator();

  Result<void> add_cameras(const Options& options);
  Result<void> listen(const Options& options);
  Result<void> command(std::string_view line);
  void apply_to_listener(std::span<const std::string_view> words);
  [[nodiscard]] std::vector<Client*> clients_of(const Camera& camera);
  Camera* find_camera(std::string_view name);

  void handle(int descriptor, std::uint32_t events, SimTime now);
  void accept_clients();
  void accept_controls();
  void tick(SimTime now);
  void end_stalls(SimTime now);
  void run_script(SimTime now);
  void update_interest(Client& client);
  void forget_closed();
  [[nodiscard]] std::chrono::milliseconds time_to_sleep(SimTime now) const;
  [[nodiscard]] std::string describe_cameras();
  [[nodiscard]] std::string describe_traffic();

  SimTime start_;
  std::chrono::milliseconds batch_{5};
  std::uint64_t seed_ = 1;
  SentLog sent_;
  EventLog events_;
  MediaLibrary library_;
  Script script_;
  std::map<std::string, std::unique_ptr<Camera>, std::less<>> cameras_;
  Descriptor epoll_;
  Descriptor wake_;  // eventfd of stop()
  Descriptor listener_;
  Descriptor control_listener_;
  ControlPort control_;
  std::string address_;
  std::uint16_t port_ = 0;
  std::uint16_t control_port_ = 0;
  std::map<int, std::unique_ptr<Client>> clients_;
  std::map<int, std::uint32_t> interest_;  // what epoll waits for, by client socket
  std::uint64_t clients_accepted_ = 0;
  SimTime next_flush_{};
  bool is_stopping_ = false;
};

}  // namespace longtake::camsim
