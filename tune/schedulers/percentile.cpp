// The median stopping rule of Vizier (Golovin et al., 2017), with the options and the corner cases
// of Optuna's MedianPruner, and its generalization, PercentilePruner.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/pruner.h"
#include "attune/tune/schedulers/internal/pruning_steps.h"

namespace attune::tune {
namespace {

class PercentilePruner : public Pruner {
 public:
  PercentilePruner(const char* name, PercentileOptions options) : options_(options) {
    if (options.startup_trials < 0 || options.warmup_steps < 0 || options.interval_steps < 1) {
      throw ValueError(
          fmt::format("{}: startup_trials ({}) and warmup_steps ({}) must be 0 or more, "
                      "interval_steps ({}) 1 or more",
                      name, options.startup_trials, options.warmup_steps, options.interval_steps));
    }
    if (!(options.percent >= 0 && options.percent <= 100)) {
      throw ValueError(
          fmt::format("{}: percent must be from 0 to 100, not {}", name, options.percent));
    }
  }

  bool should_stop(const TrialRecord& trial, const History& history) const override {
    if (!internal::decides_now(trial, options_.warmup_steps, options_.interval_steps)) return false;
    const int64_t complete = history.count(State::complete);
    if (complete == 0 || complete < options_.startup_trials) return false;

    std::vector<double> others = losses_at(trial.reports.back().step, history);
    if (others.empty()) return false;
    double best = std::numeric_limits<double>::quiet_NaN();
    for (const TrialRecord::Report& r : trial.reports) best = std::fmin(best, r.loss);  // skips NaN
    return !(best <= limit(others));  // nothing but NaN: stop
  }

 private:
  static std::vector<double> losses_at(int64_t step, const History& history) {
    std::vector<double> losses;
    for (const TrialRecord& t : history.trials()) {
      if (t.state != State::complete) continue;
      const auto at = std::lower_bound(t.reports.begin(), t.reports.end(), step,
                                       [](const auto& r, int64_t s) { return r.step < s; });
      if (at != t.reports.end() && at->step == step && !std::isnan(at->loss))
        losses.push_back(at->loss);
    }
    return losses;
  }

  // Between two losses: their mean, weighted by how near the percentile is to each.
  double limit(std::vector<double>& losses) const {
    const double place = static_cast<double>(losses.size() - 1) * options_.percent / 100;
    const auto below = static_cast<std::ptrdiff_t>(place);
    std::nth_element(losses.begin(), losses.begin() + below, losses.end());
    const double low = losses[static_cast<size_t>(below)], share = place - std::floor(place);
    if (share == 0) return low;
    const double high = *std::min_element(losses.begin() + below + 1, losses.end());
    return low == high ? low : low * (1 - share) + high * share;  // equal: also for infinities
  }

  PercentileOptions options_;
};

}  // namespace

std::shared_ptr<Pruner> percentile(PercentileOptions options) {
  return std::make_shared<PercentilePruner>("percentile", options);
}

std::shared_ptr<Pruner> median(MedianOptions options) {
  return std::make_shared<PercentilePruner>(
      "median",
      PercentileOptions{50, options.startup_trials, options.warmup_steps, options.interval_steps});
}

}  // namespace attune::tune
