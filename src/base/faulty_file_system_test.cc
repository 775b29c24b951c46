#include "base/faulty_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "base/memory_file_system.h"

namespace longtake::base {
namespace {

using Kind = FileCall::Kind;
using testing::ElementsAre;

class FaultyFileSystemTest : public testing::Test {
 protected:
  static Fault failing() {
    return {.error = Error(ErrorCode::kDataLoss, "injected"), .written = {}, .before = {}};
  }

  MemoryFileSystem memory_;
  FaultyFileSystem files_{memory_};
};

TEST_F(FaultyFileSystemTest, WithoutAScriptEverythingPasses) {
  ASSERT_TRUE(files_.make_directory("d").has_value());
  ASSERT_TRUE(atomic_replace(files_, "d/a", as_bytes("x")).has_value());
  EXPECT_EQ(as_text(read_file(memory_, "d/a", 10).value()), "x");
}

TEST_F(FaultyFileSystemTest, TheScriptSeesEachCallWithItsPathAndNumber) {
  std::vector<std::string> seen;
  files_.set_script([&](const FileCall& call) -> Fault {
    seen.push_back(std::to_string(call.number) + " " + std::to_string(static_cast<int>(call.kind)) +
                   " " + std::string(call.path));
    return {};
  });
  const auto file = files_.open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(file->sync_data().has_value());
  ASSERT_TRUE(files_.rename("a", "b").has_value());
  const auto line = [](int number, Kind kind) {
    return std::to_string(number) + " " + std::to_string(static_cast<int>(kind)) + " a";
  };
  EXPECT_THAT(seen,
              ElementsAre(line(1, Kind::kOpen), line(2, Kind::kSyncData), line(3, Kind::kRename)));
  EXPECT_EQ(files_.calls(), 3U);
}

TEST_F(FaultyFileSystemTest, AFailedCallDoesNotReachTheFileSystemBelow) {
  files_.set_script([](const FileCall& call) { return call.number == 2 ? failing() : Fault{}; });
  EXPECT_TRUE(files_.make_directory("first").has_value());
  EXPECT_EQ(files_.make_directory("second").error().message(), "injected");
  EXPECT_TRUE(files_.make_directory("third").has_value());
  EXPECT_EQ(memory_.list("").value().size(), 2U);
}

TEST_F(FaultyFileSystemTest, Host05_AShortWriteLeavesItsFirstBytes) {
  const auto file = files_.open("a", OpenMode::kCreate).value();
  files_.set_script([](const FileCall&) {
    Fault fault = failing();
    fault.written = 5;
    return fault;
  });
  const ByteSpan parts[] = {as_bytes("123"), as_bytes("456"), as_bytes("789")};
  EXPECT_FALSE(file->write_at(0, parts).has_value());
  EXPECT_EQ(as_text(read_file(memory_, "a", 10).value()), "12345");
}

TEST_F(FaultyFileSystemTest, Host12_AHeldCallHoldsOnlyItself) {
  const auto file = files_.open("a", OpenMode::kCreate).value();
  std::latch is_held(1);
  std::latch release(1);
  files_.set_script([&](const FileCall& call) -> Fault {
    if (call.kind != Kind::kSyncData) return {};
    return {.error = {}, .written = {}, .before = [&] {
              is_held.count_down();
              release.wait();
            }};
  });
  std::jthread committer([&] { EXPECT_TRUE(file->sync_data().has_value()); });
  is_held.wait();
  const ByteSpan parts[] = {as_bytes("goes on")};
  EXPECT_TRUE(file->write_at(0, parts).has_value());
  release.count_down();
}

}  // namespace
}  // namespace longtake::base
