#pragma once
// When a study has found what it will find: rules for OptimizeOptions::stop_when.
//   study.optimize(objective, {.trials = 1000, .stop_when = tune::stagnation(50)});

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "attune/tune/sampler.h"

namespace attune::tune {

// Like a sampler, a function of the question alone, so that a study that is resumed ends where one
// that was never stopped does.
class StoppingRule {
 public:
  virtual ~StoppingRule() = default;

  // Why the study should end before trial question.number; empty: it should not.
  virtual std::string reason(const Question& question) const = 0;
};

// None of the last `trials` trials that ended, however they did, was better than all before them by
// more than `delta` (several objectives: in some objective, against each trial before). ValueError:
// trials < 1, or delta below 0.
std::shared_ptr<const StoppingRule> stagnation(int64_t trials, double delta = 0);

struct RegretOptions {
  int64_t min_trials = 20;  // with losses; the model is not believed before
};
// The model of predict() says that no parameters can be better than the best of those tried by more
// than the noise: min over trials of the upper confidence bound - min over the space of the lower
// one <= noise. `noise` is the deviation of one run from the next in the objective's units (of k
// cross-validation scores: their deviation times sqrt(1/k + 1/(k - 1))); absent: as the model
// estimates it, which is for objectives that have some. For one objective. Some milliseconds per
// trial. Makarova et al., "Automatic termination for hyperparameter optimization" (2022).
// ValueError: a noise that is not above 0, min_trials < 2; several objectives, when it is asked.
std::shared_ptr<const StoppingRule> regret_below(std::optional<double> noise = {},
                                                 RegretOptions options = {});

}  // namespace attune::tune
