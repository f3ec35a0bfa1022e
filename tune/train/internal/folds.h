#pragma once
// What trials of several trainings share: the mean so far, how it is reported, how it is kept.

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/tune/train/cross_validate.h"

namespace attune::tune {

double mean_of(const std::vector<double>& scores);
double deviation_of(const std::vector<double>& scores);  // of the sample; 0 for fewer than two

void keep_scores(Trial& trial, const std::vector<double>& scores);  // as kFoldsAttribute

// Runs fold(k) for k from where the trial stands to `count`, with cross_validate()'s reports.
CrossValidation run_folds(Trial& trial, int64_t count, const std::function<double(int64_t)>& fold);

}  // namespace attune::tune
