#include "sim/camera/sim_log.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace longtake::camsim {
namespace {

Result<File> open_log(const std::string& file_name) {
  if (file_name.empty()) return File();
  File file(std::fopen(file_name.c_str(), "we"));
  if (!file) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: cannot be written: {}", file_name, std::strerror(errno)));
  }
  return file;
}

}  // namespace

Result<SentLog> SentLog::open(const std::string& file_name) {
  SentLog log;
  LT_ASSIGN(log.file_, open_log(file_name));
  if (log.file_)
    std::fputs("# path client number rtp_ts wall_us bytes crc32c key lost sent_us oversize\n",
               log.file_.get());
  return log;
}

void SentLog::write(const SentPicture& picture) {
  if (!file_) return;
  const std::string line = fmt::format(
      "{} {} {} {} {} {} {:08x} {:d} {} {} {:d}\n", picture.path, picture.client, picture.number,
      picture.rtp_timestamp, picture.wall_time.count(), picture.sample_bytes, picture.sample_crc,
      picture.is_key, picture.packets_lost, wall_now().count(), picture.is_oversize);
  std::fwrite(line.data(), 1, line.size(), file_.get());
}

void SentLog::flush() {
  if (file_) std::fflush(file_.get());
}

Result<EventLog> EventLog::open(const std::string& file_name) {
  EventLog log;
  LT_ASSIGN(log.file_, open_log(file_name));
  return log;
}

void EventLog::write(std::string_view path, std::string_view what, std::string_view details) {
  if (!file_) return;
  const std::string line = fmt::format("{} {} {} {}\n", wall_now().count(), path, what, details);
  std::fwrite(line.data(), 1, line.size(), file_.get());
}

void EventLog::flush() {
  if (file_) std::fflush(file_.get());
}

std::chrono::microseconds wall_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace longtake::camsim
