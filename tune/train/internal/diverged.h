#pragma once
// How a training that diverged ends its trial.

#include "attune/optim/divergence.h"
#include "attune/tune/trial.h"

namespace attune::tune {

// The trial's attribute with the parts of the cause, an object.
inline constexpr char kDivergenceAttribute[] = "attune:divergence";

// Failed, with the cause; its parts become the trial's attribute.
Outcome diverged(Trial& trial, const nn::Divergence& divergence);

}  // namespace attune::tune
