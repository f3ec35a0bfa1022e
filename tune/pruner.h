#pragma once
// Pruners end hopeless trials early. Each is a pure function of what it is shown; losses are lower
// is better.

#include <cstdint>
#include <memory>
#include <optional>

#include "attune/tune/history.h"

namespace attune::tune {

class Pruner {
 public:
  virtual ~Pruner() = default;

  // Should `trial`, which has just reported a loss, stop? `history` holds the others, and may hold
  // it.
  virtual bool should_stop(const TrialRecord& trial, const History& history) const = 0;

  // It compares two trials step by step, in pairs: each report is then to be that step's own value,
  // of one fold for example, not the mean of all so far.
  virtual bool pairs_steps() const { return false; }
};

std::shared_ptr<Pruner> no_pruning();

struct MedianOptions {
  int64_t startup_trials = 5;  // complete trials before anything is pruned
  int64_t warmup_steps = 0;    // steps of each trial that are never pruned
  int64_t interval_steps = 1;  // steps between two decisions
};
// Stops a trial whose best loss so far is worse than the median of complete trials at the same
// step.
std::shared_ptr<Pruner> median(MedianOptions options = {});

struct PercentileOptions {
  double percent = 25;         // of the complete trials; as many are better than one that goes on
  int64_t startup_trials = 5;  // these three as of median()
  int64_t warmup_steps = 0;
  int64_t interval_steps = 1;
};
// Stops a trial whose best loss so far is not among the best `percent` of complete trials' at the
// same step. Optuna's PercentilePruner; 50 is median(). ValueError unless it is from 0 to 100.
std::shared_ptr<Pruner> percentile(PercentileOptions options = {});

struct ThresholdOptions {
  std::optional<double> low = {}, high = {};  // in the study's own sense, not losses
  int64_t warmup_steps = 0;
  int64_t interval_steps = 1;
};
// Stops a trial whose report is below `low`, above `high`, or NaN: diverged, or too good to be
// true. ValueError without a bound, or for low > high.
std::shared_ptr<Pruner> threshold(ThresholdOptions options);

// Stops when `inner` would, unless one of the last `steps` reports was the trial's best. Without an
// inner one (null) it is early stopping. As Optuna's PatientPruner; ValueError: steps below 1.
std::shared_ptr<Pruner> patient(std::shared_ptr<const Pruner> inner, int64_t steps);

struct WilcoxonOptions {
  double p = 0.1;             // smaller: more certain, and later
  int64_t startup_steps = 2;  // reports before a trial may be stopped
};
// For reports of which each is another fold, instance or seed, the same in every trial: stops one
// that is worse than the best complete trial in the mean of what both have reported, by the
// one-sided signed-rank test of the pairs (Wilcoxon, 1945; zeros split, Pratt, 1959; exact up to 50
// pairs). As Optuna's WilcoxonPruner. The order of the steps does not matter. ValueError unless 0 <
// p < 1.
std::shared_ptr<Pruner> wilcoxon(WilcoxonOptions options = {});

}  // namespace attune::tune
