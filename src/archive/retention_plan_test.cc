#include "archive/retention_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace longtake::archive {
namespace {

using std::chrono_literals::operator""s;
using testing::IsEmpty;
using testing::SizeIs;

constexpr WallTime kStart{seconds(1'800'000'000)};

/// Segments of a minute each from `kStart` on.
RetentionRecording recording(std::uint64_t id, std::size_t segments, std::uint64_t bytes_each) {
  RetentionRecording made;
  made.id = media::RecordingId{id};
  for (std::size_t i = 0; i < segments; ++i) {
    store::SegmentRow row;
    row.recording = made.id;
    row.id = {media::RunId{1}, static_cast<std::uint32_t>(i + 1)};
    row.range = {kStart + i * seconds(60), kStart + (i + 1) * seconds(60)};
    row.size_bytes = bytes_each;
    made.oldest.push_back(row);
    made.size_bytes += bytes_each;
  }
  return made;
}

std::map<std::uint64_t, int> count_by_recording(const std::vector<Drop>& drops) {
  std::map<std::uint64_t, int> counts;
  for (const Drop& drop : drops) ++counts[drop.segment.recording.value];
  return counts;
}

TEST(RetentionPlan, NothingGoesWithoutAPolicy) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.now_for_age = WallTime::max();
  EXPECT_THAT(plan_retention(question), IsEmpty());
}

TEST(RetentionPlan, AgeIsThatOfTheSegmentsEnd) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.recordings[0].keep = 300s;
  question.now_for_age = kStart + 360s;  // the first segment's end is exactly 300 s old
  EXPECT_THAT(plan_retention(question), IsEmpty());
  *question.now_for_age += 1s;
  const auto drops = plan_retention(question);
  ASSERT_THAT(drops, SizeIs(1));
  EXPECT_EQ(drops[0].segment.id.sequence, 1U);
  EXPECT_EQ(drops[0].cause, DropCause::kAge);
}

TEST(RetentionPlan, Ret03_WithoutATrustedTimeNothingGoesByAge) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.recordings[0].keep = 0s;
  EXPECT_THAT(plan_retention(question), IsEmpty());
}

TEST(RetentionPlan, Ret03_AgeDeletesNoMoreThanItsAllowance) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.recordings[0].keep = 0s;
  question.now_for_age = kStart + 86'400s;
  question.age_allowance_bytes = 350;
  EXPECT_THAT(plan_retention(question), SizeIs(3));
}

TEST(RetentionPlan, ARecordingComesDownToItsOwnSize) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100), recording(2, 10, 100)};
  question.recordings[0].max_size_bytes = 750;
  EXPECT_EQ(count_by_recording(plan_retention(question)), (std::map<std::uint64_t, int>{{1, 3}}));
}

TEST(RetentionPlan, TheOpenSegmentCountsAndStays) {
  RetentionQuestion question;
  question.recordings = {recording(1, 2, 100)};
  question.recordings[0].size_bytes += 500;  // open: not among the closed ones
  question.recordings[0].max_size_bytes = 100;
  EXPECT_THAT(plan_retention(question), SizeIs(2));
}

TEST(RetentionPlan, WhereSpaceIsShortTheLargestGives) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 1000), recording(2, 10, 100), recording(3, 10, 100)};
  question.max_total_bytes = 6000;
  EXPECT_EQ(count_by_recording(plan_retention(question)), (std::map<std::uint64_t, int>{{1, 6}}));
}

TEST(RetentionPlan, OfEqualSharesTheOldestGoes) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100), recording(2, 10, 100)};
  for (auto& row : question.recordings[0].oldest) {
    row.range.start += 30s;
    row.range.end += 30s;
  }
  question.bytes_to_free = 100;
  EXPECT_EQ(count_by_recording(plan_retention(question)), (std::map<std::uint64_t, int>{{2, 1}}));
}

TEST(RetentionPlan, WhatAgeFreesNeedNotBeFreedAgain) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.recordings[0].keep = 500s;
  question.now_for_age = kStart + 700s;
  question.bytes_to_free = 300;
  EXPECT_THAT(plan_retention(question), SizeIs(3));
}

TEST(RetentionPlan, InodesAreFreedByTheFile) {
  RetentionQuestion question;
  question.recordings = {recording(1, 10, 100)};
  question.files_to_free = 4;
  EXPECT_THAT(plan_retention(question), SizeIs(4));
}

TEST(RetentionPlan, Ret08_NoMoreThanTheLimitAtOnce) {
  RetentionQuestion question;
  question.recordings = {recording(1, 100, 100)};
  question.max_total_bytes = 0;
  question.limit = 50;
  EXPECT_THAT(plan_retention(question), SizeIs(50));
}

RC_GTEST_PROP(RetentionPlanProperty, SpaceIsTakenOldestFirstAndNeverFromASmallShareBeforeALargerOne,
              ()) {
  RetentionQuestion question;
  const auto shapes = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 20), rc::gen::inRange(1, 1000))));
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    question.recordings.push_back(recording(i + 1, static_cast<std::size_t>(shapes[i].first),
                                            static_cast<std::uint64_t>(shapes[i].second)));
    total += question.recordings.back().size_bytes;
  }
  question.max_total_bytes = *rc::gen::inRange<std::uint64_t>(0, total + 1);

  std::map<std::uint64_t, std::uint64_t> sizes;
  std::map<std::uint64_t, std::uint32_t> next;
  for (const RetentionRecording& one : question.recordings) sizes[one.id.value] = one.size_bytes;
  for (const Drop& drop : plan_retention(question)) {
    RC_ASSERT(total > *question.max_total_bytes);  // not one too many
    const std::uint64_t id = drop.segment.recording.value;
    RC_ASSERT(drop.segment.id.sequence == ++next[id]);
    std::uint64_t largest = 0;
    for (const auto& [other, size] : sizes) largest = std::max(largest, size);
    RC_ASSERT(sizes[id] >= largest - largest / 64);
    sizes[id] -= drop.segment.size_bytes;
    total -= drop.segment.size_bytes;
  }
  RC_ASSERT(total <= *question.max_total_bytes);
}

}  // namespace
}  // namespace longtake::archive
