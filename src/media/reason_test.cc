#include "media/reason.h"

#include <gtest/gtest.h>

#include <set>

namespace longtake::media {
namespace {

TEST(Reason, TheTableHoldsTheClosedListUnderItsNames) {
  constexpr std::string_view kNames =
      "camera_disconnected camera_timeout camera_stalled auth_failed tls_failed dns_failed "
      "refused_by_policy "
      "unsupported_media no_keyframe bad_timestamps oversize packet_loss audio_lost backpressure "
      "disk_full "
      "disk_error disk_stall volume_missing crash power_loss process_stalled storage_lost "
      "corruption missing_file "
      "ledger_lost cache_overflow clock_step config_change operator_stop operator_delete retention "
      "event_window_unmet ";
  std::string names;
  for (const ReasonEntry& entry : reason_table()) names += std::string(entry.name) + " ";
  EXPECT_EQ(names, kNames);
}

TEST(Reason, NamesAndNumbersLeadBackToTheReason) {
  for (const ReasonEntry& entry : reason_table()) {
    EXPECT_EQ(reason_from_name(entry.name), entry.reason);
    EXPECT_EQ(reason_from_number(static_cast<std::uint64_t>(entry.reason)), entry.reason);
    EXPECT_EQ(to_string(entry.reason), entry.name);
  }
}

TEST(Reason, EachTriggerIsASentenceOfItsOwn) {
  std::set<std::string_view> seen;
  for (const ReasonEntry& entry : reason_table()) {
    EXPECT_TRUE(entry.trigger.ends_with('.')) << entry.name;
    EXPECT_TRUE(seen.insert(entry.trigger).second) << entry.name;
  }
}

TEST(Reason, ThereIsNoUnknown) {
  EXPECT_EQ(reason_from_name("unknown"), std::nullopt);
  EXPECT_EQ(reason_from_name(""), std::nullopt);
  EXPECT_EQ(reason_from_number(0), std::nullopt);
  EXPECT_EQ(reason_from_number(33), std::nullopt);
  EXPECT_EQ(reason_from_number(1ULL << 32U), std::nullopt);
}

TEST(Reason, LostAudioDamagesButNeverMakesAGap) {
  EXPECT_EQ(entry_of(Reason::kAudioLost).effect, Effect::kDamaged);
  EXPECT_EQ(entry_of(Reason::kCameraDisconnected).effect, Effect::kMissing);
  EXPECT_EQ(entry_of(Reason::kPacketLoss).effect, Effect::kEither);
}

}  // namespace
}  // namespace longtake::media
