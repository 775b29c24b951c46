#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace longtake::base {

/// A number that only grows.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
};
/// A number that goes up and down.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
};
/// A distribution of seconds.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

/// What can be graphed: prometheus-cpp behind three small types; metrics.cc is its home.
///
/// Thread     every method, and every method of what it returns, from any thread.
/// Ownership  what it returns lives as long as the registry; asking again for the same name and
///            labels gives the same object.
/// Source     Prometheus text exposition format 0.0.4. Names end in their unit: `_seconds`,
///            `_bytes`, `_total`.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {});
  /// Drops, from every family, the series whose labels include these (a camera that was removed);
  /// references to them die. `labels` is not empty.
  void remove(const Labels& labels);
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longtake::base
