#include "rtsp/backoff.h"

#include <gtest/gtest.h>

namespace longtake::rtsp {
namespace {

TEST(Backoff, Cam01_DoublesWithJitterUpToTenSeconds) {
  base::SeededRandom random(3);
  Backoff backoff(random);
  for (const nanoseconds most :
       {milliseconds(500), milliseconds(1000), milliseconds(2000), milliseconds(4000),
        milliseconds(8000), milliseconds(10'000), milliseconds(10'000)}) {
    const nanoseconds delay = backoff.next();
    EXPECT_GE(delay, most / 2);
    EXPECT_LE(delay, most);
  }
}

TEST(Backoff, Cam01_TriesWithinASecondAfterAReset) {
  base::SeededRandom random(3);
  Backoff backoff(random);
  for (int i = 0; i < 10; ++i) backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), nanoseconds(seconds(1)));
}

}  // namespace
}  // namespace longtake::rtsp
