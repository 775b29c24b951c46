#include "base/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>

#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"
#include "base/test_folder.h"

namespace longtake::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void write_text(File& file, std::uint64_t offset, std::string_view text) {
  const ByteSpan parts[] = {as_bytes(text)};
  const auto written = file.write_at(offset, parts);
  ASSERT_TRUE(written.has_value()) << written.error().message();
}

std::string text_of(FileSystem& files, std::string_view path) {
  const auto content = read_file(files, path, 1U << 20U);
  EXPECT_TRUE(content.has_value()) << content.error().message();
  return content ? std::string(as_text(*content)) : "";
}

std::vector<std::string> names_in(FileSystem& files, std::string_view path) {
  std::vector<std::string> names;
  const auto entries = files.list(path);
  EXPECT_TRUE(entries.has_value()) << entries.error().message();
  if (!entries) return names;
  for (const auto& [name, is_directory] : *entries)
    names.push_back(name + (is_directory ? "/" : ""));
  return names;
}

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(to_string(result.error().code()));
}

/// What every file system does, in memory and on disk.
class FileSystemContract : public testing::TestWithParam<std::string_view> {
 protected:
  FileSystemContract() {
    if (GetParam() == "Memory") {
      files_ = std::make_unique<MemoryFileSystem>();
    } else {
      files_ = open_file_system(folder_.path()).value();
    }
  }

  TestFolder folder_;
  std::unique_ptr<FileSystem> files_;
};
INSTANTIATE_TEST_SUITE_P(Of, FileSystemContract, testing::Values("Memory", "Real"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(FileSystemContract, ReadsBackWhatWasWrittenInParts) {
  const auto file = files_->open("a", OpenMode::kCreateNew).value();
  const ByteSpan parts[] = {as_bytes("one "), as_bytes(""), as_bytes("two "), as_bytes("three")};
  ASSERT_TRUE(file->write_at(2, parts).has_value());
  EXPECT_EQ(file->size().value(), 15U);
  EXPECT_EQ(text_of(*files_, "a"), std::string_view("\0\0one two three", 15));
}

TEST_P(FileSystemContract, WritesMorePartsThanTheKernelTakesAtOnce) {
  const auto file = files_->open("a", OpenMode::kCreateNew).value();
  std::string expected;
  for (int i = 0; i < 3'000; ++i) expected += std::to_string(i);
  std::vector<ByteSpan> parts;
  for (std::size_t at = 0; at < expected.size(); at += 3) {
    parts.push_back(as_bytes(expected).subspan(at, std::min<std::size_t>(3, expected.size() - at)));
    parts.emplace_back();
  }
  ASSERT_TRUE(file->write_at(0, parts).has_value());
  EXPECT_EQ(text_of(*files_, "a"), expected);
}

TEST_P(FileSystemContract, AReadStopsAtTheEndOfTheFile) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  write_text(*file, 0, "12345");
  std::array<std::byte, 8> into{};
  EXPECT_EQ(file->read_at(3, into).value(), 2U);
  EXPECT_EQ(file->read_at(5, into).value(), 0U);
  EXPECT_EQ(file->read_at(1'000'000, into).value(), 0U);
}

TEST_P(FileSystemContract, OpenModesSayWhetherAFileMustExist) {
  EXPECT_EQ(code_of(files_->open("a", OpenMode::kRead)), "not_found");
  EXPECT_EQ(code_of(files_->open("a", OpenMode::kReadWrite)), "not_found");
  EXPECT_EQ(code_of(files_->open("a", OpenMode::kCreateNew)), "ok");
  EXPECT_EQ(code_of(files_->open("a", OpenMode::kCreateNew)), "already_exists");
  EXPECT_EQ(code_of(files_->open("a", OpenMode::kCreate)), "ok");
  EXPECT_EQ(code_of(files_->open("no/a", OpenMode::kCreate)), "not_found");
}

TEST_P(FileSystemContract, AFolderIsNoFile) {
  ASSERT_TRUE(files_->make_directory("d").has_value());
  EXPECT_EQ(code_of(files_->open("d", OpenMode::kRead)), "failed_precondition");
  EXPECT_EQ(code_of(files_->open("", OpenMode::kRead)), "failed_precondition");
  EXPECT_EQ(code_of(files_->remove("d")), "failed_precondition");
}

TEST_P(FileSystemContract, AFileOpenedForReadingIsNotWritten) {
  ASSERT_TRUE(files_->open("a", OpenMode::kCreate).has_value());
  const auto file = files_->open("a", OpenMode::kRead).value();
  const ByteSpan parts[] = {as_bytes("x")};
  EXPECT_FALSE(file->write_at(0, parts).has_value());
}

TEST_P(FileSystemContract, ReservesBlocksWithoutChangingTheSizeAndGivesThemBack) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  write_text(*file, 0, "12345");
  ASSERT_TRUE(file->reserve(0, 1U << 20U).has_value());
  EXPECT_EQ(files_->status("a").value().size_bytes, 5U);
  EXPECT_GE(files_->status("a").value().allocated_bytes, 1U << 20U);
  ASSERT_TRUE(file->truncate(5).has_value());
  EXPECT_LT(files_->status("a").value().allocated_bytes, 1U << 19U);
  EXPECT_EQ(text_of(*files_, "a"), "12345");
}

TEST_P(FileSystemContract, TruncatesAndGrowsWithZeros) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  write_text(*file, 0, "12345");
  ASSERT_TRUE(file->truncate(2).has_value());
  ASSERT_TRUE(file->truncate(4).has_value());
  EXPECT_EQ(text_of(*files_, "a"), std::string_view("12\0\0", 4));
}

TEST_P(FileSystemContract, SyncsFilesAndFolders) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  EXPECT_TRUE(file->start_write_back().has_value());
  EXPECT_TRUE(file->sync_data().has_value());
  EXPECT_TRUE(file->sync().has_value());
  EXPECT_TRUE(files_->sync_directory("").has_value());
  EXPECT_TRUE(files_->sync_file_system().has_value());
  EXPECT_EQ(code_of(files_->sync_directory("no")), "not_found");
}

TEST_P(FileSystemContract, ListsInOrderOfName) {
  ASSERT_TRUE(files_->make_directory("b").has_value());
  ASSERT_TRUE(files_->open("c", OpenMode::kCreate).has_value());
  ASSERT_TRUE(files_->open("a", OpenMode::kCreate).has_value());
  EXPECT_THAT(names_in(*files_, ""), ElementsAre("a", "b/", "c"));
  EXPECT_EQ(code_of(files_->list("a")), "failed_precondition");
  EXPECT_EQ(code_of(files_->list("no")), "not_found");
}

TEST_P(FileSystemContract, RenamesOverAFileAndAcrossFolders) {
  ASSERT_TRUE(files_->make_directory("d").has_value());
  write_text(*files_->open("a", OpenMode::kCreate).value(), 0, "new");
  write_text(*files_->open("d/b", OpenMode::kCreate).value(), 0, "old");
  ASSERT_TRUE(files_->rename("a", "d/b").has_value());
  EXPECT_EQ(text_of(*files_, "d/b"), "new");
  EXPECT_THAT(names_in(*files_, ""), ElementsAre("d/"));
  EXPECT_EQ(code_of(files_->rename("a", "d/b")), "not_found");
}

TEST_P(FileSystemContract, AFolderIsMadeOnceAndRemovedEmpty) {
  EXPECT_EQ(code_of(files_->make_directory("d")), "ok");
  EXPECT_EQ(code_of(files_->make_directory("d")), "ok");
  ASSERT_TRUE(files_->open("d/a", OpenMode::kCreate).has_value());
  EXPECT_EQ(code_of(files_->make_directory("d/a")), "failed_precondition");
  EXPECT_EQ(code_of(files_->remove_directory("d")), "failed_precondition");
  EXPECT_EQ(code_of(files_->remove("d/a")), "ok");
  EXPECT_EQ(code_of(files_->remove_directory("d")), "ok");
  EXPECT_EQ(code_of(files_->make_directory("x/y")), "not_found");
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  const auto file = files_->open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(files_->remove("a").has_value());
  write_text(*file, 0, "still");
  EXPECT_EQ(file->size().value(), 5U);
}

TEST_P(FileSystemContract, Host27_OneLockAtATime) {
  auto first = files_->lock("lock");
  ASSERT_TRUE(first.has_value());
  const auto second = files_->lock("lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr("lock: is locked by another process"));
  first->reset();
  EXPECT_TRUE(files_->lock("lock").has_value());
}

TEST_P(FileSystemContract, Sec03_NoPathLeavesTheRoot) {
  using namespace std::string_view_literals;
  for (const std::string_view path : {".."sv, "../x"sv, "a/../x"sv, "a/.."sv, "."sv, "./a"sv, "/"sv,
                                      "/etc/passwd"sv, "a//b"sv, "a/"sv, "a\0b"sv, "\0"sv}) {
    EXPECT_EQ(code_of(files_->open(path, OpenMode::kCreate)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->list(path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->status(path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->make_directory(path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->remove(path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->remove_directory(path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->rename("a", path)), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->rename(path, "a")), "invalid_argument") << path;
    EXPECT_EQ(code_of(files_->lock(path)), "invalid_argument") << path;
  }
}

TEST_P(FileSystemContract, MessagesNameThePathAndTheReason) {
  const auto missing = files_->open("recordings/front.mp4", OpenMode::kRead);
  EXPECT_THAT(missing.error().message(), HasSubstr("recordings/front.mp4"));
  EXPECT_THAT(missing.error().message(), HasSubstr("No such file or directory"));
}

TEST_P(FileSystemContract, ReadFileRefusesWhatIsLargerThanItsLimit) {
  write_text(*files_->open("a", OpenMode::kCreate).value(), 0, "12345");
  EXPECT_EQ(as_text(read_file(*files_, "a", 5).value()), "12345");
  EXPECT_EQ(code_of(read_file(*files_, "a", 4)), "resource_exhausted");
}

TEST_P(FileSystemContract, MakesEveryMissingLevel) {
  EXPECT_TRUE(make_directories(*files_, "a/b/c").has_value());
  EXPECT_TRUE(make_directories(*files_, "a/b/c").has_value());
  EXPECT_TRUE(make_directories(*files_, "").has_value());
  EXPECT_THAT(names_in(*files_, "a/b"), ElementsAre("c/"));
}

TEST_P(FileSystemContract, AtomicReplaceMakesAndReplacesAndLeavesNothingElse) {
  ASSERT_TRUE(files_->make_directory("d").has_value());
  ASSERT_TRUE(files_->open("d/x.new", OpenMode::kCreate).has_value());  // left by a crash
  ASSERT_TRUE(atomic_replace(*files_, "d/x", as_bytes("first, and longer")).has_value());
  ASSERT_TRUE(atomic_replace(*files_, "d/x", as_bytes("second")).has_value());
  EXPECT_EQ(text_of(*files_, "d/x"), "second");
  EXPECT_THAT(names_in(*files_, "d"), ElementsAre("x"));
}

TEST(JoinPath, PutsASlashOnlyBetweenTwoParts) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("a", ""), "a");
}

/// One random operation, by numbers, so that both file systems do the same.
std::string answer_of(FileSystem& files, const std::array<std::uint8_t, 4>& draw) {
  static constexpr std::array kPaths{"a", "b", "d", "d/a", "d/e", "d/e/f", "a/x", ""};
  const std::string path = kPaths[draw[1] % kPaths.size()];
  const std::string other = kPaths[draw[2] % kPaths.size()];
  switch (draw[0] % 8) {
    case 0:
      return code_of(files.make_directory(path));
    case 1:
      return code_of(files.open(path, static_cast<OpenMode>(draw[2] % 4)));
    case 2:
      return code_of(files.remove(path));
    case 3:
      return code_of(files.remove_directory(path));
    case 4:
      return code_of(files.rename(path, other));
    case 5: {
      const auto entries = files.list(path);
      std::string names = code_of(entries);
      if (entries) {
        for (const auto& [name, is_directory] : *entries) names += " " + name;
      }
      return names;
    }
    case 6: {
      auto file = files.open(path, OpenMode::kReadWrite);
      if (!file) return code_of(file);
      const ByteSpan parts[] = {as_bytes(other)};
      return code_of((*file)->write_at(draw[3], parts));
    }
    default: {
      const auto content = read_file(files, path, 1'000);
      return content ? std::string(as_text(*content)) : code_of(content);
    }
  }
}

RC_GTEST_PROP(FileSystemProperty, TheOneInMemoryAnswersAsTheRealOneDoes,
              (const std::vector<std::array<std::uint8_t, 4>>& draws)) {
  const TestFolder folder;
  const auto real = open_file_system(folder.path()).value();
  MemoryFileSystem memory;
  for (const auto& draw : draws) RC_ASSERT(answer_of(memory, draw) == answer_of(*real, draw));
}

TEST(AtomicReplace, Host13_EveryFailingCallLeavesOldOrNewAndSuccessIsDurable) {
  MemoryFileSystem memory;
  FaultyFileSystem faulty(memory);
  bool has_succeeded = false;
  int attempts = 0;
  for (std::uint64_t failing = 1; !has_succeeded; ++failing) {
    ASSERT_LT(failing, 100U);
    ASSERT_TRUE(atomic_replace(memory, "x", as_bytes("old")).has_value());
    faulty.set_script([&](const FileCall& call) -> Fault {
      if (call.number != failing) return {};
      return {.error = Error(ErrorCode::kDataLoss, "injected"), .written = 2, .before = {}};
    });
    has_succeeded = atomic_replace(faulty, "x", as_bytes("new")).has_value();
    faulty.set_script({});
    memory.power_cut();
    const std::string content = text_of(memory, "x");
    if (has_succeeded) {
      EXPECT_EQ(content, "new");
    } else {
      EXPECT_TRUE(content == "old" || content == "new") << content;
    }
    ++attempts;
  }
  EXPECT_GE(attempts, 6);  // remove, open, write, sync, rename, folder sync
}

TEST(MakeDirectories, Host13_ARetryAfterAFailedSyncMakesThemDurable) {
  MemoryFileSystem memory;
  FaultyFileSystem faulty(memory);
  faulty.set_script([](const FileCall& call) -> Fault {
    if (call.kind != FileCall::Kind::kSyncDirectory) return {};
    return {.error = Error(ErrorCode::kDataLoss, "injected"), .written = {}, .before = {}};
  });
  EXPECT_FALSE(make_directories(faulty, "a/b").has_value());
  EXPECT_FALSE(make_directories(faulty, "a/b").has_value());
  faulty.set_script({});
  EXPECT_TRUE(make_directories(faulty, "a/b").has_value());
  memory.power_cut();
  EXPECT_THAT(names_in(memory, "a"), ElementsAre("b/"));
}

}  // namespace
}  // namespace longtake::base
