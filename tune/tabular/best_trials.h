#pragma once
// The trials whose networks a model is made of.

#include <cstdint>
#include <string>
#include <vector>

#include "attune/tune/study.h"

namespace attune::tune {

// The best complete trials, each of other parameters: `count`, or as many as there are. Trials of
// equal value are told apart by the loss they keep under the user
// attribute `loss`, of which less is better, and then by their numbers: a small validation part
// gives many trials the same accuracy.
std::vector<TrialResult> best_trials(std::vector<TrialResult> trials, bool lower_is_better,
                                     int64_t count, const std::string& loss);

}  // namespace attune::tune
