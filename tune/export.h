#pragma once
// A study's trials as a table that other programs read.

#include <string>

#include "attune/tune/study_view.h"

namespace attune::tune {

// CSV (RFC 4180), a line for each trial: number, state, value (or value_0, value_1 …), seconds,
// then the parameters, constraints and user attributes by name as params_lr, constraints_memory,
// user_epochs. What a trial has not is empty; NaN and infinities are written nan, inf, -inf;
// attributes are JSON text.
std::string export_csv(const StudyView& view);

}  // namespace attune::tune
