#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/pruner.h"
#include "attune/tune/schedulers/internal/pruning_steps.h"

namespace attune::tune {
namespace {

class Threshold : public Pruner {
 public:
  explicit Threshold(const ThresholdOptions& options)
      : low_(options.low.value_or(-std::numeric_limits<double>::infinity())),
        high_(options.high.value_or(std::numeric_limits<double>::infinity())),
        warmup_(options.warmup_steps),
        interval_(options.interval_steps) {
    if (!options.low && !options.high) throw ValueError("threshold: give low, high, or both");
    if (!(low_ <= high_)) {
      throw ValueError(fmt::format("threshold: low is {}, high {}", low_, high_));
    }
    if (warmup_ < 0 || interval_ < 1) {
      throw ValueError(fmt::format(
          "threshold: warmup_steps ({}) must be 0 or more, interval_steps ({}) 1 or more", warmup_,
          interval_));
    }
  }

  bool should_stop(const TrialRecord& trial, const History& history) const override {
    if (!internal::decides_now(trial, warmup_, interval_)) return false;
    const double value = history.signs().front() * trial.reports.back().loss;
    return !(value >= low_ && value <= high_);
  }

 private:
  double low_, high_;
  int64_t warmup_, interval_;
};

}  // namespace

std::shared_ptr<Pruner> threshold(ThresholdOptions options) {
  return std::make_shared<Threshold>(options);
}

}  // namespace attune::tune
