#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/beneath.h"
#include "base/file_system.h"
#include "base/system_error.h"
#include "base/test_folder.h"

namespace longtake::base {
namespace {

using testing::HasSubstr;

class RealFileSystemTest : public testing::Test {
 protected:
  [[nodiscard]] std::string real_path(std::string_view path) const {
    return join_path(folder_.path(), path);
  }
  [[nodiscard]] unsigned mode_of(std::string_view path) const {
    struct stat status{};
    EXPECT_EQ(::stat(real_path(path).c_str(), &status), 0);
    return status.st_mode & 0777U;
  }

  TestFolder folder_;
  std::unique_ptr<FileSystem> files_ = open_file_system(folder_.path()).value();
};

TEST_F(RealFileSystemTest, ARootThatIsNotThereIsNotFoundByItsName) {
  const auto missing = open_file_system(real_path("no"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr(real_path("no")));
}

TEST_F(RealFileSystemTest, ARootThatIsAFileIsRefused) {
  std::ofstream(real_path("file")) << "x";
  EXPECT_EQ(open_file_system(real_path("file")).error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(RealFileSystemTest, MakesThingsForTheirOwnerOnly) {
  ASSERT_TRUE(files_->make_directory("d").has_value());
  ASSERT_TRUE(files_->open("d/a", OpenMode::kCreate).has_value());
  EXPECT_EQ(mode_of("d"), 0700U);
  EXPECT_EQ(mode_of("d/a"), 0600U);
}

TEST_F(RealFileSystemTest, LeavesNoDescriptorToChildren) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  EXPECT_NE(::fcntl(file->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(RealFileSystemTest, AFifoInAFilesPlaceIsRefusedAndDoesNotHoldUs) {
  ASSERT_EQ(::mkfifo(real_path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(files_->open("fifo", OpenMode::kRead).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(RealFileSystemTest, TellsTheSpaceOfItsFileSystem) {
  const auto space = files_->space();
  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  struct stat status{};
  ASSERT_EQ(::stat(folder_.path().c_str(), &status), 0);
  EXPECT_EQ(space->file_system_id, status.st_dev);
}

TEST_F(RealFileSystemTest, Host08_AWriteThatOnlyPartlyFitsIsResourceExhausted) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  const Bytes content(64UL * 1024, std::byte{7});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 10'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const ByteSpan parts[] = {content};
  const auto written = file->write_at(0, parts);  // the kernel writes 10,000 bytes, then refuses
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, previous);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(file->size().value(), 10'000U);
}

/// Both ways of staying below the root.
class Beneath : public testing::TestWithParam<Resolution> {
 protected:
  Beneath() : root_(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    std::filesystem::create_directories(folder_.path() + "/d/e");
    std::ofstream(folder_.path() + "/d/e/file") << "x";
    std::filesystem::create_symlink("/etc", folder_.path() + "/away");
    std::filesystem::create_symlink("d", folder_.path() + "/inside");
    std::filesystem::create_symlink("d/e/file", folder_.path() + "/link");
    std::filesystem::create_symlink("../..", folder_.path() + "/d/up");
  }
  int open_error(std::string_view path, int flags) {
    const auto opened = open_beneath(GetParam(), root_.get(), path, flags, 0600);
    return opened ? 0 : opened.error();
  }

  TestFolder folder_;
  Descriptor root_;
};
INSTANTIATE_TEST_SUITE_P(Of, Beneath,
                         testing::Values(Resolution::kByKernel, Resolution::kByComponent),
                         [](const auto& test) {
                           return test.param == Resolution::kByKernel ? "Kernel" : "Component";
                         });

TEST_P(Beneath, OpensWhatIsThere) {
  EXPECT_EQ(open_error("d/e/file", O_RDONLY), 0);
  EXPECT_EQ(open_error("d/e", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(open_error("", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(open_error("d/e/made", O_RDWR | O_CREAT | O_EXCL), 0);
  EXPECT_EQ(open_error("d/no/file", O_RDONLY), ENOENT);
  EXPECT_EQ(open_error("d/e/file/x", O_RDONLY), ENOTDIR);
}

TEST_P(Beneath, Sec03_FollowsNoSymbolicLinkWhereverItStands) {
  for (const std::string_view path :
       {"away", "away/passwd", "inside", "inside/e/file", "link", "d/up", "d/up/etc/passwd"}) {
    for (const int flags : {O_RDONLY, O_PATH, O_RDWR | O_CREAT}) {
      const int error = open_error(path, flags);
      EXPECT_TRUE(error == ELOOP || error == ENOTDIR) << path << " gave " << error;
    }
  }
}

TEST_P(Beneath, Sec03_RefusesPathsThatAreNotPlain) {
  for (const std::string_view path : {"..", "d/../..", "/etc/passwd", "d//e", "./d", "d/"}) {
    EXPECT_EQ(open_error(path, O_RDONLY), EINVAL) << path;
  }
}

struct ErrnoCase {
  int number;
  ErrorCode code;
};
class ErrnoCode : public testing::TestWithParam<ErrnoCase> {};

TEST_P(ErrnoCode, SaysWhatTheCallerCanDo) {
  EXPECT_EQ(code_of_errno(GetParam().number), GetParam().code);
}
INSTANTIATE_TEST_SUITE_P(SystemError, ErrnoCode,
                         testing::Values(ErrnoCase{ENOSPC, ErrorCode::kResourceExhausted},
                                         ErrnoCase{EDQUOT, ErrorCode::kResourceExhausted},
                                         ErrnoCase{EMFILE, ErrorCode::kResourceExhausted},
                                         ErrnoCase{EIO, ErrorCode::kDataLoss},
                                         ErrnoCase{EROFS, ErrorCode::kPermissionDenied},
                                         ErrnoCase{EACCES, ErrorCode::kPermissionDenied},
                                         ErrnoCase{ENOENT, ErrorCode::kNotFound},
                                         ErrnoCase{EEXIST, ErrorCode::kAlreadyExists},
                                         ErrnoCase{EOPNOTSUPP, ErrorCode::kFailedPrecondition},
                                         ErrnoCase{ECONNREFUSED, ErrorCode::kUnavailable},
                                         ErrnoCase{ETIMEDOUT, ErrorCode::kDeadlineExceeded},
                                         ErrnoCase{EBADF, ErrorCode::kInternal}));

TEST(SystemError, AnUnknownNumberIsStillToldByNumber) {
  EXPECT_EQ(errno_error(99'999, "file", "read").message(), "file: read: error 99999");
}

}  // namespace
}  // namespace longtake::base
