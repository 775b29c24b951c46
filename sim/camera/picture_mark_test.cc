#include "sim/camera/picture_mark.h"

#include <gtest/gtest.h>

namespace longtake::camsim {
namespace {

const PictureMark kMark{.number = 0,
                        .wall_time = std::chrono::microseconds(1'767'225'600'000'000),
                        .rtp_timestamp = 3,
                        .camera = 1};

TEST(PictureMark, ReadsBackWhatItWrote) { EXPECT_EQ(read_mark(mark_nal_unit(kMark)), kMark); }

TEST(PictureMark, NeverHoldsAStartCode) {
  const Bytes nal = mark_nal_unit(kMark);
  for (std::size_t i = 0; i + 2 < nal.size(); ++i) {
    EXPECT_FALSE(nal[i] == std::byte{0} && nal[i + 1] == std::byte{0} && nal[i + 2] < std::byte{3})
        << i;
  }
}

TEST(PictureMark, IsNotSeenInAnotherSei) {
  Bytes other = mark_nal_unit(kMark);
  other[5] ^= std::byte{1};  // inside the UUID
  EXPECT_EQ(read_mark(other), std::nullopt);
}

TEST(PictureMark, IsNotSeenInATruncatedOne) {
  const Bytes nal = mark_nal_unit(kMark);
  for (std::size_t size = 0; size + 2 < nal.size(); ++size) {
    EXPECT_EQ(read_mark(ByteSpan(nal).first(size)), std::nullopt) << size;
  }
}

}  // namespace
}  // namespace longtake::camsim
