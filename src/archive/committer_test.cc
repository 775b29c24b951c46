#include "archive/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/disk_bench.h"

namespace longtake::archive {
namespace {

using Kind = base::FileCall::Kind;

TEST(Committer, SaysThatDurabilityIsDegradedWhenTheDiskIsSlowAndWidensItsInterval) {
  DiskBench bench;
  bench.files.set_script([&](const base::FileCall& call) {
    base::Fault fault;
    if (call.kind == Kind::kSync || call.kind == Kind::kSyncData) {
      fault.before = [&] { bench.clock.advance(seconds(2)); };
    }
    return fault;
  });
  bench.record(2);
  EXPECT_NE(bench.metrics.text().find("longtake_durability_degraded 1"), std::string::npos);
  bench.files.set_script({});
  bench.record(2);
  EXPECT_NE(bench.metrics.text().find("longtake_durability_degraded 0"), std::string::npos);
}

TEST(Committer, SyncsTheWholeFileSystemAtOnceWhereTheVolumeOwnsItsMount) {
  DiskBench bench(1ULL << 30U, {seconds(1), /*owns_mount=*/true});
  std::uint64_t file_syncs = 0;
  std::uint64_t whole_syncs = 0;
  bench.files.set_script([&](const base::FileCall& call) {
    if (call.kind == Kind::kSyncData || call.kind == Kind::kSync) ++file_syncs;
    if (call.kind == Kind::kSyncFileSystem) ++whole_syncs;
    return base::Fault{};
  });
  bench.record(5);
  EXPECT_EQ(file_syncs, 0U);
  EXPECT_EQ(whole_syncs, 5U);
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

TEST(Committer, AsksEachFileWhenTheWholeFileSystemReportsAnError) {
  DiskBench bench(1ULL << 30U, {seconds(1), /*owns_mount=*/true});
  bench.record(2);
  bench.files.set_script([&](const base::FileCall& call) {
    return call.kind == Kind::kSyncFileSystem ? fail_with(ErrorCode::kDataLoss) : base::Fault{};
  });
  bench.record(2);  // a stranger's error: our files answer for themselves
  EXPECT_EQ(bench.recording->live().load()->durable_until, bench.camera.now());
}

}  // namespace
}  // namespace longtake::archive
