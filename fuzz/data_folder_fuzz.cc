#include <cstddef>
#include <cstdint>
#include <string>

#include "archive/trusted_time.h"
#include "archive/volume.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory_file_system.h"
#include "base/random.h"

// The small files of a data folder, one of them of any bytes: the folder is opened or refused, and
// an opened one gives each start a number of its own.
namespace {

using namespace longtake;  // NOLINT: one file

const std::string kRecording = "recordings/front-0011223344556677";

constexpr std::string_view kVolumeJson =
    R"({"format":1,"identity":"00112233445566778899aabbccddeeff","starts":3,"settled":2,)"
    R"("created":"2026-01-31T08:00:00.000Z"})";

void put(base::FileSystem& files, const std::string& path, ByteSpan content) {
  const auto file = files.open(path, base::OpenMode::kCreateNew);
  LT_CHECK(file.has_value() && (*file)->write_at(0, std::span(&content, 1)).has_value());
}

void open_twice(base::FileSystem& files) {
  base::ManualClock clock;
  base::SeededRandom random(1);
  std::uint64_t first = 0;
  media::RunId run;
  {
    const auto volume = archive::Volume::open(files, clock, random, "boot-1");
    if (!volume) {
      LT_CHECK(!volume.error().message().empty());
      return;
    }
    first = (*volume)->start();
    run = (*volume)->next_run();
    LT_CHECK((*volume)->find_or_create("front").has_value());
    LT_CHECK((*volume)->check_identity().has_value());
  }
  const auto again = archive::Volume::open(files, clock, random, "boot-1");
  if (!again) return;
  LT_CHECK((*again)->start() == first + 1);
  LT_CHECK((*again)->next_run().value > run.value);
  LT_CHECK((*again)->last_alive().has_value());
  LT_CHECK((*again)->find("front").has_value());
}

void live_by(base::FileSystem& files) {
  base::ManualClock clock;
  archive::TrustedTime time(files, clock, base::null_logger(), "boot-1");
  for (int second = 0; second < 400; ++second) {
    clock.advance(std::chrono::seconds(1));
    time.observe();
    const auto now = time.now_for_age();
    LT_CHECK(!now || *now <= clock.wall_now());
  }
  // The kernel has confirmed the clock for five minutes and more.
  LT_CHECK(time.now_for_age() == clock.wall_now());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes = std::as_bytes(std::span(data, size)).subspan(1);
  base::MemoryFileSystem files;
  LT_CHECK(files.make_directory("recordings").has_value());
  LT_CHECK(files.make_directory(kRecording).has_value());
  // The first byte says which file it is.
  if (data[0] != 'v') put(files, archive::kVolumeManifestPath, as_bytes(kVolumeJson));
  switch (data[0]) {
    case 'v':
      put(files, archive::kVolumeManifestPath, bytes);
      open_twice(files);
      break;
    case 'r':
      put(files, kRecording + "/" + archive::kRecordingManifestName, bytes);
      open_twice(files);
      break;
    case 'l':
      put(files, "lock", bytes);
      open_twice(files);
      break;
    case 't':
      put(files, archive::TrustedTime::kPath, bytes);
      live_by(files);
      break;
    default:
      break;
  }
  return 0;
}
