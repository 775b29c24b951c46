#include "archive/volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/faulty_file_system.h"
#include "base/memory_file_system.h"

namespace longtake::archive {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Kind = base::FileCall::Kind;

struct VolumeTest : testing::Test {
  Result<std::unique_ptr<Volume>> open() { return Volume::open(files, clock, random, "boot-1"); }
  void put(const std::string& path, std::string_view text) {
    auto file = memory.open(path, base::OpenMode::kCreate);
    ASSERT_TRUE(file.has_value());
    const ByteSpan parts[] = {as_bytes(text)};
    ASSERT_TRUE((*file)->write_at(0, parts).has_value());
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const auto entries = memory.list("");
    EXPECT_TRUE(entries.has_value());
    if (!entries) return all;
    for (const auto& entry : *entries) all.push_back(entry.name);
    return all;
  }

  base::MemoryFileSystem memory;
  base::FaultyFileSystem files{memory};
  base::ManualClock clock;
  base::SeededRandom random{1};
};

TEST_F(VolumeTest, MakesAVolumeOfAnEmptyFolder) {
  const auto volume = open();
  ASSERT_TRUE(volume.has_value());
  EXPECT_EQ((*volume)->start(), 1U);
  EXPECT_THAT(names(), testing::IsSupersetOf(
                           {"lock", "volume.json", "recordings", "ledger", "trash", "quarantine"}));
}

TEST_F(VolumeTest, TakesAFreshMountWithLostAndFound) {
  ASSERT_TRUE(memory.make_directory("lost+found").has_value());
  EXPECT_TRUE(open().has_value());
}

TEST_F(VolumeTest, RefusesAForeignFolderAndLeavesItAsItWas) {
  put("holiday.jpg", "x");
  const auto volume = open();
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(volume.error().message(), HasSubstr("holiday.jpg"));
  EXPECT_THAT(volume.error().message(), HasSubstr("empty folder"));
  EXPECT_THAT(names(), testing::ElementsAre("holiday.jpg"));
}

TEST_F(VolumeTest, RefusesANewerFormatAndLeavesItAsItWas) {
  const std::string newer = R"({"format": 2, "identity": "x", "starts": 3})";
  put("volume.json", newer);
  const auto volume = open();
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(volume.error().message(), HasSubstr("format 2"));
  EXPECT_EQ(as_text(*base::read_file(memory, "volume.json", 1000)), newer);
  EXPECT_THAT(names(), testing::ElementsAre("volume.json"));
}

TEST_F(VolumeTest, SaysThatADamagedManifestIsDamaged) {
  put("volume.json", "{");
  const auto volume = open();
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
}

// Found by the fuzz target data_folder: the next start was 0 again, and runs repeated.
TEST_F(VolumeTest, RefusesAManifestWithMoreStartsThanRunsCanName) {
  put("volume.json", R"({"format":1,"identity":"x","starts":18446744073709551615,"settled":0,)"
                     R"("created":"2026-01-31T08:00:00Z"})");
  const auto volume = open();
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss);
}

TEST_F(VolumeTest, Host27_RefusesASecondInstanceAndNamesTheFirst) {
  const auto first = open();
  ASSERT_TRUE(first.has_value());
  std::uint64_t writes = 0;
  files.set_script([&](const base::FileCall& call) {
    if (call.kind == Kind::kWrite) ++writes;
    return base::Fault{};
  });
  const auto second = open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().message(), HasSubstr("in use by another longtake (process "));
  EXPECT_EQ(writes, 0U);
}

TEST_F(VolumeTest, CountsEachStartSoThatRunsNeverRepeat) {
  std::set<media::RunId> runs;
  for (int life = 0; life < 5; ++life) {
    const auto volume = open();
    ASSERT_TRUE(volume.has_value());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(runs.insert((*volume)->next_run()).second);
  }
}

TEST_F(VolumeTest, Host04_NeverRepeatsARunWhereverThePowerGoes) {
  std::set<media::RunId> runs;
  for (std::uint64_t number = 1; number < 60; ++number) {
    bool is_dark = false;
    files.set_script([&](const base::FileCall& call) {
      base::Fault fault;
      if (is_dark) fault.error = Error(ErrorCode::kDataLoss, "no power");
      if (!is_dark && call.number == number) {
        is_dark = true;
        fault.error = Error(ErrorCode::kDataLoss, "no power");
        fault.before = [&] { memory.power_cut(); };
      }
      return fault;
    });
    {
      const auto volume = open();
      if (volume) {
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(runs.insert((*volume)->next_run()).second);
      }
    }
    if (!is_dark) memory.power_cut();
    files.set_script({});
    const auto again = open();
    ASSERT_TRUE(again.has_value()) << "call " << number << ": " << again.error().message();
    ASSERT_TRUE(runs.insert((*again)->next_run()).second) << "call " << number;
  }
}

TEST_F(VolumeTest, CountsAnotherStartWhenHalfOfTheRunsAreSpent) {
  const auto volume = open();
  ASSERT_TRUE(volume.has_value());
  media::RunId last{};
  for (std::uint32_t i = 0; i < (1U << 24U) + 10; ++i) {
    const media::RunId run = (*volume)->next_run();
    ASSERT_LT(last, run);
    last = run;
    if (i == 1U << 23U) {
      ASSERT_TRUE((*volume)->renew_runs().has_value());
    }
  }
  EXPECT_EQ(start_of(last), 2U);
  EXPECT_EQ(read_volume_manifest(memory)->starts, 2U);
}

TEST_F(VolumeTest, KeepsARecordingsIdOverRestarts) {
  media::RecordingId id{};
  {
    const auto volume = open();
    const auto made = (*volume)->find_or_create("front");
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(made->is_new);
    id = made->folder.id;
  }
  const auto volume = open();
  const auto found = (*volume)->find_or_create("front");
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->is_new);
  EXPECT_EQ(found->folder.id, id);
  EXPECT_EQ((*volume)->recordings().size(), 1U);
}

TEST_F(VolumeTest, KeepsARecordingsPolicyOverRestarts) {
  const RecordingPolicy week{std::chrono::days(7), std::nullopt};
  const RecordingPolicy small{std::nullopt, 200'000'000'000};
  {
    const auto volume = open();
    ASSERT_TRUE((*volume)->find_or_create("front", week).has_value());
    EXPECT_EQ((*volume)->remember_policy("back", week).error().code(), ErrorCode::kNotFound);
  }
  {
    const auto volume = open();
    EXPECT_EQ((*volume)->find("front")->policy, week);
    ASSERT_TRUE((*volume)->remember_policy("front", small).has_value());
    EXPECT_EQ((*volume)->find("front")->policy, small);
  }
  const auto volume = open();
  EXPECT_EQ((*volume)->find("front")->policy, small);
  ASSERT_TRUE((*volume)->remember_policy("front", {}).has_value());
  EXPECT_EQ(read_recording_manifest(memory, (*volume)->find("front")->path)->policy,
            RecordingPolicy{});
}

TEST_F(VolumeTest, ARecordingOfAVersionThatKeptNoPolicyHasNone) {
  ASSERT_TRUE(open().has_value());
  const std::string folder = "recordings/front-0011223344556677";
  ASSERT_TRUE(base::make_directories(memory, folder).has_value());
  // As the first version wrote it, to the byte.
  put(folder + "/recording.json",
      "{\n  \"created\": \"2026-10-30T18:00:00.000Z\",\n  \"id\": \"0011223344556677\",\n"
      "  \"name\": \"front\"\n}\n");
  const auto volume = open();
  ASSERT_TRUE((*volume)->find("front").has_value());
  EXPECT_TRUE((*volume)->find("front")->has_manifest);
  EXPECT_EQ((*volume)->find("front")->policy, RecordingPolicy{});
}

TEST_F(VolumeTest, DoesNotBelieveAPolicyThatCannotBe) {
  ASSERT_TRUE(open().has_value());
  const std::string folder = "recordings/front-0011223344556677";
  ASSERT_TRUE(base::make_directories(memory, folder).has_value());
  put(folder + "/recording.json",
      R"({"created": "2026-10-30T18:00:00.000Z", "id": "0011223344556677", "name": "front",
          "keep_us": 18446744073709551615})");
  EXPECT_EQ(read_recording_manifest(memory, folder).error().code(), ErrorCode::kDataLoss);
}

TEST_F(VolumeTest, KnowsARecordingByItsFolderWhenItsManifestIsTorn) {
  media::RecordingId id{};
  std::string path;
  {
    const auto volume = open();
    const auto made = (*volume)->find_or_create("front-door");
    id = made->folder.id;
    path = made->folder.path;
  }
  ASSERT_TRUE(memory.remove(base::join_path(path, "recording.json")).has_value());
  const auto volume = open();
  const auto found = (*volume)->find_or_create("front-door");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->folder.id, id);
  EXPECT_EQ(read_recording_manifest(memory, path)->name, "front-door");
}

TEST_F(VolumeTest, DoesNotBelieveThatItWasLastAliveInATimeThatCannotBe) {
  put("lock", "pid=12 boot=boot-1 wall_us=9223372036854775807 ");
  const auto volume = open();
  ASSERT_TRUE(volume.has_value());
  EXPECT_FALSE((*volume)->last_alive().has_value());
}

TEST_F(VolumeTest, TellsTheNextLifeWhenItWasLastAlive) {
  WallTime last;
  {
    const auto volume = open();
    EXPECT_FALSE((*volume)->last_alive().has_value());
    clock.advance(seconds(100));
    ASSERT_TRUE((*volume)->beat().has_value());
    last = clock.wall_now();
    clock.advance(seconds(50));
  }
  const auto volume = open();
  ASSERT_TRUE((*volume)->last_alive().has_value());
  EXPECT_EQ((*volume)->last_alive()->wall, last);
  EXPECT_EQ((*volume)->last_alive()->boot_id, "boot-1");
}

TEST_F(VolumeTest, Host15_NoticesThatAnotherVolumeStandsInItsPlace) {
  const auto volume = open();
  ASSERT_TRUE((*volume)->check_identity().has_value());
  VolumeManifest other = *read_volume_manifest(memory);
  other.identity = "another";
  ASSERT_TRUE(write_volume_manifest(memory, other).has_value());
  const auto same = (*volume)->check_identity();
  ASSERT_FALSE(same.has_value());
  EXPECT_EQ(same.error().code(), ErrorCode::kFailedPrecondition);
}

TEST(RealVolume, Host15_NoticesThatItsFolderWasSwapped) {
  std::string pattern = testing::TempDir() + "longtake-volume-XXXXXX";
  const std::filesystem::path top = ::mkdtemp(pattern.data());
  std::filesystem::create_directory(top / "data");
  const auto files = base::open_file_system((top / "data").string());
  ASSERT_TRUE(files.has_value());
  base::ManualClock clock;
  base::SeededRandom random(1);
  {
    const auto volume = Volume::open(**files, clock, random, "boot");
    ASSERT_TRUE(volume.has_value()) << volume.error().message();
    EXPECT_TRUE((*volume)->check_identity().has_value());
    std::filesystem::rename(top / "data", top / "moved");
    std::filesystem::create_directory(top / "data");
    EXPECT_FALSE((*volume)->check_identity().has_value());
    EXPECT_TRUE(std::filesystem::is_empty(top / "data"));
  }
  std::filesystem::remove_all(top);
}

TEST_F(VolumeTest, SaysWhichFolderCannotBeWritten) {
  files.set_script([](const base::FileCall& call) {
    if (call.kind != Kind::kLock) return base::Fault{};
    return base::Fault{Error(ErrorCode::kPermissionDenied, "lock: Read-only file system"), {}, {}};
  });
  const auto volume = open();
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(volume.error().message(), HasSubstr("data folder"));
}

TEST(MediaScan, WalksDaysAndRunsInOrderAndNamesStrangers) {
  base::MemoryFileSystem files;
  for (const char* folder :
       {"recordings/front-0000000000000007/20260131", "recordings/front-0000000000000007/20260201",
        "recordings/front-0000000000000007/odd"}) {
    ASSERT_TRUE(base::make_directories(files, folder).has_value());
  }
  for (const char* path : {"20260201/9-1.mp4", "20260131/10-1.mp4", "20260131/9-12.mp4",
                           "20260131/9-2.mp4", "20260131/9-2.mp4.bak"}) {
    ASSERT_TRUE(
        files
            .open(std::string("recordings/front-0000000000000007/") + path, base::OpenMode::kCreate)
            .has_value());
  }
  const auto recordings = list_recordings(files);
  ASSERT_EQ(recordings->size(), 1U);
  EXPECT_EQ(recordings->at(0).name, "front");
  EXPECT_FALSE(recordings->at(0).has_manifest);
  std::vector<std::string> seen;
  std::vector<std::string> strangers;
  const auto visit = [&](const SegmentPath& file) -> Result<void> {
    seen.push_back(file.day + "/" + media::to_string(file.id));
    return {};
  };
  ASSERT_TRUE(for_each_segment_file(files, recordings->at(0), "", visit, &strangers).has_value());
  EXPECT_THAT(
      seen, testing::ElementsAre("20260131/9-2", "20260131/9-12", "20260131/10-1", "20260201/9-1"));
  EXPECT_THAT(strangers, testing::UnorderedElementsAre(
                             "recordings/front-0000000000000007/odd",
                             "recordings/front-0000000000000007/20260131/9-2.mp4.bak"));
  seen.clear();
  ASSERT_TRUE(for_each_segment_file(files, recordings->at(0), "20260201", visit).has_value());
  EXPECT_THAT(seen, testing::ElementsAre("20260201/9-1"));
}

}  // namespace
}  // namespace longtake::archive
