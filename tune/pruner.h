#pragma once
// Pruners end hopeless trials early. Each is a pure function of what it is shown; losses are lower
// is better.

#include <cstdint>
#include <memory>

#include "attune/tune/history.h"

namespace attune::tune {

class Pruner {
 public:
  virtual ~Pruner() = default;

  // Should `trial`, which has just reported a loss, stop? `history` holds the others, and may hold
  // it.
  virtual bool should_stop(const TrialRecord& trial, const History& history) const = 0;
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

}  // namespace attune::tune
