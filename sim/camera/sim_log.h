#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace longtake::camsim {

/// One picture whose last byte a client's socket has taken.
struct SentPicture {
  std::string_view path;
  std::uint64_t client = 0;
  std::uint64_t number = 0;
  std::uint32_t rtp_timestamp = 0;
  std::chrono::microseconds wall_time{};  // when it was taken, UTC
  std::size_t sample_bytes = 0;
  std::uint32_t sample_crc =
      0;  // CRC-32C of the sample a recorder should keep: 4-byte lengths, no delimiters
  bool is_key = false;
  std::uint32_t packets_lost = 0;  // left out on purpose
  bool is_oversize = false;
};

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

/// What was sent, for the oracle: one line a picture,
///   PATH CLIENT NUMBER RTP_TS WALL_US BYTES CRC32C KEY LOST SENT_US OVERSIZE
/// CRC32C is eight hex digits; KEY and OVERSIZE are 0 or 1. Lines that begin with # are comments.
class SentLog {
 public:
  /// An empty name keeps no log.
  static Result<SentLog> open(const std::string& file_name);
  [[nodiscard]] bool is_kept() const { return file_ != nullptr; }
  void write(const SentPicture& picture);
  void flush();

 private:
  File file_;
};

/// What was done to clients and what they asked: one line an event, `WALL_US PATH WHAT DETAILS...`.
/// Commands stand as `fault`; the rest are `connected`, `request`, `play`, `closed`, `expired`,
/// `overflow`.
class EventLog {
 public:
  static Result<EventLog> open(const std::string& file_name);
  void write(std::string_view path, std::string_view what, std::string_view details);
  void flush();

 private:
  File file_;
};

std::chrono::microseconds wall_now();

}  // namespace longtake::camsim
