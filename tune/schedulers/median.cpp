// The median stopping rule of Vizier (Golovin et al., 2017), with the options and the corner cases
// of Optuna's MedianPruner.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/pruner.h"

namespace attune::tune {
namespace {

class MedianPruner : public Pruner {
 public:
  explicit MedianPruner(MedianOptions options) : options_(options) {
    if (options.startup_trials < 0 || options.warmup_steps < 0 || options.interval_steps < 1) {
      throw ValueError(
          fmt::format("median: startup_trials ({}) and warmup_steps ({}) must be 0 or more, "
                      "interval_steps ({}) 1 or "
                      "more",
                      options.startup_trials, options.warmup_steps, options.interval_steps));
    }
  }

  bool should_stop(const TrialRecord& trial, const History& history) const override {
    if (trial.reports.empty() || !decides_now(trial)) return false;
    const int64_t complete = history.count(State::complete);
    if (complete == 0 || complete < options_.startup_trials) return false;

    std::vector<double> others = losses_at(trial.reports.back().step, history);
    if (others.empty()) return false;
    double best = std::numeric_limits<double>::quiet_NaN();
    for (const TrialRecord::Report& r : trial.reports) best = std::fmin(best, r.loss);  // skips NaN
    return !(best <= median_of(others));  // nothing but NaN: stop
  }

 private:
  // True for the first report at or after each step warmup + k * interval.
  bool decides_now(const TrialRecord& trial) const {
    const auto& reports = trial.reports;
    const int64_t step = reports.back().step;
    if (step < options_.warmup_steps) return false;
    const int64_t since = (step - options_.warmup_steps) % options_.interval_steps;
    return reports.size() < 2 || reports[reports.size() - 2].step < step - since;
  }

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

  static double median_of(std::vector<double>& v) {
    const size_t half = v.size() / 2;
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(half), v.end());
    if (v.size() % 2 == 1) return v[half];
    const double below =
        *std::max_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(half));
    return below == v[half] ? below : below / 2 + v[half] / 2;  // equal: also for infinities
  }

  MedianOptions options_;
};

}  // namespace

std::shared_ptr<Pruner> median(MedianOptions options) {
  return std::make_shared<MedianPruner>(options);
}

}  // namespace attune::tune
