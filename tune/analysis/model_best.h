#pragma once
// The best trial of a noisy objective. The best value seen is good and lucky; the model of all the
// trials says which configuration is likely to be good, and what to expect of it.
//   if (const auto best = tune::model_best(study)) use(best->trial.params, best->estimate.mean);

#include <optional>

#include "attune/tune/analysis/predict.h"
#include "attune/tune/study.h"

namespace attune::tune {

struct ModelBest {
  TrialResult trial;
  Estimate estimate;  // of its parameters; in the objective's units
};

// Of the complete and feasible trials the one with the best posterior mean. Nothing where the model
// sees no noise to speak of (the best trial is then the one with the best value), with several
// objectives, or with fewer than ten trials that have the parameters of Study::space().
std::optional<ModelBest> model_best(const Study& study);

}  // namespace attune::tune
