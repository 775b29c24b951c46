#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"

namespace longtake::base {
namespace {

/// Seconds, from a page cache hit to a disk that is dying.
const prometheus::Histogram::BucketBoundaries& duration_buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return buckets;
}

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& series) : series_(series) {}
  void add(double amount) override { series_.Increment(amount); }
  [[nodiscard]] prometheus::Counter& series() const { return series_; }

 private:
  prometheus::Counter& series_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& series) : series_(series) {}
  void set(double value) override { series_.Set(value); }
  [[nodiscard]] prometheus::Gauge& series() const { return series_; }

 private:
  prometheus::Gauge& series_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& series) : series_(series) {}
  void observe(double value) override { series_.Observe(value); }
  [[nodiscard]] prometheus::Histogram& series() const { return series_; }

 private:
  prometheus::Histogram& series_;
};

/// One metric name and its series, ours beside the library's.
template <class Series, class Wrapper>
class FamilyOf {
 public:
  explicit FamilyOf(prometheus::Family<Series>& family) : family_(family) {}

  /// noexcept: the library throws at a malformed label name, and those are ours.
  template <class... Arguments>
  Wrapper& get(const Metrics::Labels& labels, const Arguments&... arguments) noexcept {
    auto& slot = series_[labels];
    if (slot == nullptr) {
      slot = std::make_unique<Wrapper>(family_.Add(labels, arguments...));
    }
    return *slot;
  }
  /// Removes every series whose labels include these.
  void remove(const Metrics::Labels& labels) {
    std::erase_if(series_, [&](const auto& entry) {
      if (!std::ranges::includes(entry.first, labels)) return false;
      family_.Remove(&entry.second->series());
      return true;
    });
  }

 private:
  prometheus::Family<Series>& family_;
  std::map<Metrics::Labels, std::unique_ptr<Wrapper>> series_;
};

template <class Family>
using FamiliesByName = std::map<std::string, Family, std::less<>>;

}  // namespace

struct Metrics::State {
  using Counters = FamilyOf<prometheus::Counter, PrometheusCounter>;
  using Gauges = FamilyOf<prometheus::Gauge, PrometheusGauge>;
  using Histograms = FamilyOf<prometheus::Histogram, PrometheusHistogram>;

  /// The family of this name, built by `build` the first time. One name is one kind; it and its
  /// spelling are ours, and the library throws at what is malformed: hence noexcept.
  template <class Family, class Build>
  Family& family(FamiliesByName<Family>& families, std::string_view name, std::string_view help,
                 Build build) noexcept LT_REQUIRES(mutex) {
    if (const auto found = families.find(name); found != families.end()) return found->second;
    const std::string owned(name);
    LT_CHECK(counters.count(owned) + gauges.count(owned) + histograms.count(owned) == 0);
    return families
        .emplace(owned, Family(build().Name(owned).Help(std::string(help)).Register(registry)))
        .first->second;
  }

  prometheus::Registry registry;  // has its own lock
  Mutex mutex;
  FamiliesByName<Counters> counters LT_GUARDED_BY(mutex);
  FamiliesByName<Gauges> gauges LT_GUARDED_BY(mutex);
  FamiliesByName<Histograms> histograms LT_GUARDED_BY(mutex);
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const MutexLock lock(state_->mutex);
  return state_->family(state_->counters, name, help, prometheus::BuildCounter).get(labels);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const MutexLock lock(state_->mutex);
  return state_->family(state_->gauges, name, help, prometheus::BuildGauge).get(labels);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels) {
  const MutexLock lock(state_->mutex);
  return state_->family(state_->histograms, name, help, prometheus::BuildHistogram)
      .get(labels, duration_buckets());
}

void Metrics::remove(const Labels& labels) {
  const MutexLock lock(state_->mutex);
  LT_CHECK(!labels.empty());
  for (auto& [name, family] : state_->counters) family.remove(labels);
  for (auto& [name, family] : state_->gauges) family.remove(labels);
  for (auto& [name, family] : state_->histograms) family.remove(labels);
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace longtake::base
