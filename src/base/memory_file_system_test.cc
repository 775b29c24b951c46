#include "base/memory_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace longtake::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PowerCut : public testing::Test {
 protected:
  void make_durable(std::string_view path, std::string_view text) {
    ASSERT_TRUE(atomic_replace(files_, path, as_bytes(text)).has_value());
  }
  std::string text_of(std::string_view path) {
    const auto content = read_file(files_, path, 1U << 20U);
    return content ? std::string(as_text(*content))
                   : std::string(to_string(content.error().code()));
  }
  std::vector<std::string> names_in(std::string_view path) {
    std::vector<std::string> names;
    const auto entries = files_.list(path);
    EXPECT_TRUE(entries.has_value());
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }
  static Result<void> write(File& file, std::uint64_t offset, std::string_view text) {
    const ByteSpan parts[] = {as_bytes(text)};
    return file.write_at(offset, parts);
  }

  MemoryFileSystem files_;
};

TEST_F(PowerCut, TakesBytesThatWereNotSynced) {
  make_durable("a", "old");
  {
    const auto file = files_.open("a", OpenMode::kReadWrite).value();
    ASSERT_TRUE(write(*file, 0, "new and longer").has_value());
  }
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "old");
}

TEST_F(PowerCut, LeavesBytesThatWereSynced) {
  make_durable("a", "old");
  const auto file = files_.open("a", OpenMode::kReadWrite).value();
  ASSERT_TRUE(write(*file, 3, " and new").has_value());
  ASSERT_TRUE(file->sync_data().has_value());
  ASSERT_TRUE(write(*file, 11, " and newest").has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "old and new");
}

TEST_F(PowerCut, TakesAFileWhoseNameWasNotSynced) {
  const auto file = files_.open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(write(*file, 0, "x").has_value());
  ASSERT_TRUE(file->sync().has_value());
  files_.power_cut();
  EXPECT_THAT(names_in(""), IsEmpty());
}

TEST_F(PowerCut, LeavesANameWithoutTheBytesThatWereNotSynced) {
  const auto file = files_.open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(write(*file, 0, "x").has_value());
  ASSERT_TRUE(files_.sync_directory("").has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "");
}

TEST_F(PowerCut, UndoesARemovalThatWasNotSynced) {
  make_durable("a", "old");
  ASSERT_TRUE(files_.remove("a").has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "old");
}

TEST_F(PowerCut, KeepsARemovalThatWasSynced) {
  make_durable("a", "old");
  ASSERT_TRUE(files_.remove("a").has_value());
  ASSERT_TRUE(files_.sync_directory("").has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "not_found");
}

TEST_F(PowerCut, UndoesARenameThatWasNotSynced) {
  make_durable("a", "old");
  ASSERT_TRUE(files_.rename("a", "b").has_value());
  files_.power_cut();
  EXPECT_THAT(names_in(""), ElementsAre("a"));
}

TEST_F(PowerCut, TakesAFolderWhoseNameWasNotSyncedWithAllThatIsInIt) {
  ASSERT_TRUE(files_.make_directory("d").has_value());
  make_durable("d/a", "x");
  files_.power_cut();
  EXPECT_THAT(names_in(""), IsEmpty());
}

TEST_F(PowerCut, UndoesATruncationThatWasNotSynced) {
  make_durable("a", "12345");
  ASSERT_TRUE(files_.open("a", OpenMode::kReadWrite).value()->truncate(1).has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("a"), "12345");
}

TEST_F(PowerCut, SyncOfTheFileSystemKeepsEverything) {
  ASSERT_TRUE(files_.make_directory("d").has_value());
  ASSERT_TRUE(write(*files_.open("d/a", OpenMode::kCreate).value(), 0, "x").has_value());
  ASSERT_TRUE(files_.sync_file_system().has_value());
  files_.power_cut();
  EXPECT_EQ(text_of("d/a"), "x");
}

TEST_F(PowerCut, KillsOpenFilesAndLocks) {
  make_durable("a", "old");
  const auto file = files_.open("a", OpenMode::kReadWrite).value();
  const auto lock = files_.lock("lock").value();
  files_.power_cut();
  std::array<std::byte, 4> into{};
  EXPECT_EQ(file->read_at(0, into).error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(write(*file, 0, "x").error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(file->sync().error().code(), ErrorCode::kDataLoss);
  EXPECT_TRUE(files_.lock("lock").has_value());
}

RC_GTEST_PROP(PowerCutProperty, GivesBackTheBytesOfTheLastSync,
              (const std::vector<std::array<std::uint8_t, 3>>& steps)) {
  MemoryFileSystem files;
  RC_ASSERT(atomic_replace(files, "a", {}).has_value());
  const auto file = files.open("a", OpenMode::kReadWrite).value();
  std::string now;
  std::string synced;
  for (const auto& [kind, at, count] : steps) {
    if (kind % 4 == 0) {
      RC_ASSERT(file->sync_data().has_value());
      synced = now;
    } else if (kind % 4 == 1) {
      RC_ASSERT(file->truncate(at).has_value());
      now.resize(at);
    } else if (count > 0) {
      const std::string text(count, static_cast<char>('a' + kind % 26));
      const ByteSpan parts[] = {as_bytes(text)};
      RC_ASSERT(file->write_at(at, parts).has_value());
      now.resize(std::max<std::size_t>(now.size(), std::size_t{at} + count));
      now.replace(at, count, text);
    }
  }
  RC_ASSERT(as_text(read_file(files, "a", 10'000).value()) == now);
  files.power_cut();
  RC_ASSERT(as_text(read_file(files, "a", 10'000).value()) == synced);
}

TEST(MemoryFileSystem, Host08_FullMeansResourceExhaustedAndAPrefixWritten) {
  MemoryFileSystem files(10);
  const auto file = files.open("a", OpenMode::kCreate).value();
  const ByteSpan parts[] = {as_bytes("12345"), as_bytes("67890"), as_bytes("x")};
  EXPECT_EQ(file->write_at(0, parts).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(file->size().value(), 10U);
  EXPECT_EQ(files.space().value().available_bytes, 0U);
}

TEST(MemoryFileSystem, Host08_WhatIsReservedIsSpentAndCanBeWrittenWhenTheRestIsFull) {
  MemoryFileSystem files(10);
  const auto file = files.open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(file->reserve(0, 8).has_value());
  EXPECT_EQ(files.space().value().available_bytes, 2U);
  EXPECT_EQ(file->reserve(0, 11).error().code(), ErrorCode::kResourceExhausted);
  files.set_capacity(8);
  const ByteSpan fits[] = {as_bytes("12345678")};
  const ByteSpan too_much[] = {as_bytes("9")};
  EXPECT_TRUE(file->write_at(0, fits).has_value());
  EXPECT_EQ(file->write_at(8, too_much).error().code(), ErrorCode::kResourceExhausted);
}

TEST(MemoryFileSystem, RemovingAFileGivesItsRoomBackOnceItIsClosed) {
  MemoryFileSystem files(10);
  auto file = files.open("a", OpenMode::kCreate).value();
  ASSERT_TRUE(file->reserve(0, 8).has_value());
  ASSERT_TRUE(files.remove("a").has_value());
  EXPECT_EQ(files.space().value().available_bytes, 2U);
  file.reset();
  EXPECT_EQ(files.space().value().available_bytes, 10U);
}

TEST(MemoryFileSystem, Host07_AFlippedBitIsThereAlsoAfterAPowerCut) {
  MemoryFileSystem files;
  ASSERT_TRUE(atomic_replace(files, "a", as_bytes("AB")).has_value());
  files.flip_bit("a", 8);
  EXPECT_EQ(as_text(read_file(files, "a", 10).value()), "AC");
  files.power_cut();
  EXPECT_EQ(as_text(read_file(files, "a", 10).value()), "AC");
}

TEST(MemoryFileSystem, ACopyIsTheSameTree) {
  MemoryFileSystem files;
  MemoryFileSystem copy = files;
  ASSERT_TRUE(files.make_directory("d").has_value());
  EXPECT_TRUE(copy.status("d").value().is_directory);
}

}  // namespace
}  // namespace longtake::base
