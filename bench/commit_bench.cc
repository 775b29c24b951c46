// How long does it take to make 64 growing files durable, and which way is the shortest?
//
//   commit_bench [FOLDER] [FILES] [COMMITS]      default: a folder below TMPDIR, 64, 20
//
// Each second of a camera is 64 KiB per file and commit. A writer goes on while a commit waits, as in the recorder. Ways
// are compared by their ratio inside one run; figures of one machine mean nothing on another.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#ifdef LONGTAKE_HAS_URING
#include <liburing.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kPreallocated = 16 * 1024 * 1024;

struct Files {
  std::filesystem::path folder;
  int folder_fd = -1;
  std::vector<int> all;
  std::size_t written = 0;  // of each
};

[[noreturn]] void die(const char* what) {
  ::perror(what);
  ::_exit(3);
}

Files open_files(const std::filesystem::path& folder, int count) {
  Files files;
  files.folder = folder;
  files.folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (files.folder_fd == -1) die("open folder");
  for (int i = 0; i < count; ++i) {
    const std::string path = folder / fmt::format("segment-{}.mp4", i);
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) die("open");
    static_cast<void>(::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, kPreallocated));
    files.all.push_back(fd);
  }
  ::syncfs(files.folder_fd);
  return files;
}

void close_files(Files& files) {
  for (const int fd : files.all) ::close(fd);
  ::close(files.folder_fd);
  for (std::size_t i = 0; i < files.all.size(); ++i) {
    std::filesystem::remove(files.folder / fmt::format("segment-{}.mp4", i));
  }
}

void append_all(Files& files, const std::vector<char>& block) {
  for (const int fd : files.all) {
    if (::pwrite(fd, block.data(), block.size(), static_cast<off_t>(files.written)) !=
        static_cast<ssize_t>(block.size())) {
      die("pwrite");
    }
  }
  files.written += block.size();
}

void fdatasync_each(Files& files) {
  for (const int fd : files.all) {
    if (::fdatasync(fd) == -1) die("fdatasync");
  }
}

void write_back_first(Files& files) {
  for (const int fd : files.all) ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  fdatasync_each(files);
}

void in_threads(Files& files, std::size_t threads) {
  for (const int fd : files.all) ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> helpers;
  for (std::size_t t = 0; t < threads; ++t) {
    helpers.emplace_back([&] {
      for (std::size_t i = next++; i < files.all.size(); i = next++) {
        if (::fdatasync(files.all[i]) == -1) die("fdatasync");
      }
    });
  }
}

void syncfs_once(Files& files) {
  if (::syncfs(files.folder_fd) == -1) die("syncfs");
}

#ifdef LONGTAKE_HAS_URING
void uring_batch(Files& files) {
  static io_uring ring;
  static const bool is_ready = ::io_uring_queue_init(256, &ring, 0) == 0;
  if (!is_ready) return fdatasync_each(files);
  for (const int fd : files.all) {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring);
    ::io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
  }
  ::io_uring_submit(&ring);
  for (std::size_t i = 0; i < files.all.size(); ++i) {
    io_uring_cqe* done = nullptr;
    if (::io_uring_wait_cqe(&ring, &done) != 0 || done->res != 0) die("io_uring fdatasync");
    ::io_uring_cqe_seen(&ring, done);
  }
}
#endif

struct Way {
  const char* name;
  std::function<void(Files&)> commit;
};

std::vector<double> measure(const std::filesystem::path& folder, int count, int commits,
                            const Way& way) {
  Files files = open_files(folder, count);
  const std::vector<char> block(kBlock, 'x');
  std::vector<double> took_ms;
  for (int i = 0; i < commits; ++i) {
    append_all(files, block);
    const auto start = Clock::now();
    way.commit(files);
    took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  close_files(files);
  std::sort(took_ms.begin(), took_ms.end());
  return took_ms;
}

}  // namespace

int main(int argc, char** argv) {
  const char* temporary = ::getenv("TMPDIR");
  std::string pattern = fmt::format("{}/commit-bench-XXXXXX", argc > 1               ? argv[1]
                                                              : temporary != nullptr ? temporary
                                                                                     : "/var/tmp");
  if (::mkdtemp(pattern.data()) == nullptr) die("mkdtemp");
  const int count = argc > 2 ? std::stoi(argv[2]) : 64;
  const int commits = argc > 3 ? std::stoi(argv[3]) : 20;
  const std::vector<Way> ways = {
      {"write-back first, then fdatasync each", write_back_first},
      {"fdatasync each", fdatasync_each},
      {"write-back first, 4 fdatasync at once", [](Files& files) { in_threads(files, 4); }},
      {"write-back first, 8 fdatasync at once", [](Files& files) { in_threads(files, 8); }},
      {"write-back first, 16 fdatasync at once", [](Files& files) { in_threads(files, 16); }},
      {"syncfs", syncfs_once},
#ifdef LONGTAKE_HAS_URING
      {"io_uring, all fdatasync in one batch", uring_batch},
#endif
  };
  fmt::print("{} files, {} KiB each and commit, {} commits\n", count, kBlock / 1024, commits);
  double reference = 0;
  for (const Way& way : ways) {
    const std::vector<double> took = measure(pattern, count, commits, way);
    const double median = took[took.size() / 2];
    if (reference == 0) reference = median;
    fmt::print("{:40} median {:7.1f} ms  worst {:7.1f} ms  ratio {:5.2f}\n", way.name, median,
               took.back(), median / reference);
  }
  std::filesystem::remove_all(pattern);
  return 0;
}
