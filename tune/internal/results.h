#pragma once
// From a history to what users are shown: values in their own sense of better.

#include <string>

#include "attune/tune/history.h"
#include "attune/tune/trial.h"

namespace attune::tune {

Params params_of(const TrialRecord& trial, const History& history);
TrialResult result_of(const TrialRecord& trial, const History& history);

std::string failures(const History& history);  // as failures() of trials

}  // namespace attune::tune
