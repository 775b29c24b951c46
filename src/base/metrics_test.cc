#include "base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace longtake::base {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, WritesEachKindInTheTextFormat) {
  Metrics metrics;
  metrics.counter("longtake_packets_total", "Packets received.").add(3);
  metrics.gauge("longtake_open_bytes", "Bytes open.").set(1.5);
  metrics.histogram("longtake_sync_seconds", "Time of a sync.").observe(0.02);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# HELP longtake_packets_total Packets received.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE longtake_packets_total counter\n"));
  EXPECT_THAT(text, HasSubstr("longtake_packets_total 3\n"));
  EXPECT_THAT(text, HasSubstr("longtake_open_bytes 1.5\n"));
  EXPECT_THAT(text, HasSubstr("longtake_sync_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("longtake_sync_seconds_bucket{le=\"0.01\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("longtake_sync_seconds_bucket{le=\"0.025\"} 1\n"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  Metrics metrics;
  Counter& first = metrics.counter("longtake_lost_total", "Lost.", {{"recording", "front"}});
  Counter& again = metrics.counter("longtake_lost_total", "Lost.", {{"recording", "front"}});
  Counter& other = metrics.counter("longtake_lost_total", "Lost.", {{"recording", "back"}});
  EXPECT_EQ(&first, &again);
  EXPECT_NE(&first, &other);
  first.add();
  again.add();
  EXPECT_THAT(metrics.text(), HasSubstr("longtake_lost_total{recording=\"front\"} 2\n"));
}

TEST(Metrics, EscapesLabelValues) {
  Metrics metrics;
  metrics.gauge("longtake_up", "Up.", {{"url", "a\"b\\c\nd"}}).set(1);
  EXPECT_THAT(metrics.text(), HasSubstr(R"(url="a\"b\\c\nd")"));
}

TEST(Metrics, ARemovedCameraLeavesNoSeriesBehind) {
  Metrics metrics;
  metrics.counter("longtake_lost_total", "Lost.", {{"recording", "front"}}).add();
  metrics.counter("longtake_lost_total", "Lost.", {{"recording", "back"}}).add();
  metrics.gauge("longtake_bytes", "Bytes.", {{"recording", "front"}, {"track", "video"}}).set(1);
  metrics.remove({{"recording", "front"}});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("front")));
  EXPECT_THAT(metrics.text(), HasSubstr("recording=\"back\""));
  metrics.counter("longtake_lost_total", "Lost.", {{"recording", "front"}}).add();
  EXPECT_THAT(metrics.text(), HasSubstr("longtake_lost_total{recording=\"front\"} 1\n"));
}

TEST(Metrics, CountsFromManyThreads) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&metrics] {
        for (int n = 0; n < 1'000; ++n) metrics.counter("longtake_n_total", "N.").add();
      });
    }
  }
  EXPECT_THAT(metrics.text(), HasSubstr("longtake_n_total 4000\n"));
}

}  // namespace
}  // namespace longtake::base
