#include "base/kill_point.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/descriptor.h"

namespace longtake::base {
namespace {

/// The child: passes "here" three times and writes an `x` to descriptor 3 after each. Only run by
/// the tests below.
TEST(KillPointChild, DISABLED_PassesThreeTimes) {
  for (int i = 0; i < 3; ++i) {
    kill_point("here");
    ASSERT_EQ(::write(3, "x", 1), 1);
  }
}

struct Ending {
  bool has_stopped = false;
  std::string passed;  // one x for each passing that was survived
};

/// Runs this very program as the child, with `stop_at` in its environment; kills it if it stopped.
Ending run_child(const char* stop_at) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::dup2(writer.get(), 3) != 3) ::_exit(126);
    if (writer.get() == 3) ::fcntl(3, F_SETFD, 0);
    stop_at == nullptr ? ::unsetenv("LONGTAKE_STOP_AT") : ::setenv("LONGTAKE_STOP_AT", stop_at, 1);
    ::execl("/proc/self/exe", "base_test", "--gtest_filter=KillPointChild.*",
            "--gtest_also_run_disabled_tests", nullptr);
    ::_exit(127);
  }
  writer = Descriptor();
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WUNTRACED), child);
  Ending ending{.has_stopped = WIFSTOPPED(status), .passed = {}};
  if (ending.has_stopped) {
    EXPECT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
  } else {
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  std::array<char, 16> passed{};
  const ssize_t count = ::read(reader.get(), passed.data(), passed.size());
  ending.passed.assign(passed.data(), static_cast<std::size_t>(count));
  return ending;
}

TEST(KillPoint, StopsTheProcessRightAtTheFirstPassing) {
  const Ending ending = run_child("here");
  EXPECT_TRUE(ending.has_stopped);
  EXPECT_EQ(ending.passed, "");
}

TEST(KillPoint, StopsAtThePassingThatIsCounted) {
  const Ending ending = run_child("here:3");
  EXPECT_TRUE(ending.has_stopped);
  EXPECT_EQ(ending.passed, "xx");
}

TEST(KillPoint, LeavesOtherNamesAlone) {
  const Ending ending = run_child("her");
  EXPECT_FALSE(ending.has_stopped);
  EXPECT_EQ(ending.passed, "xxx");
}

TEST(KillPoint, DoesNothingWhenNobodyAsks) {
  const Ending ending = run_child(nullptr);
  EXPECT_FALSE(ending.has_stopped);
  EXPECT_EQ(ending.passed, "xxx");
}

}  // namespace
}  // namespace longtake::base
