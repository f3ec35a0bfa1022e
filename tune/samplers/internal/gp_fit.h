#pragma once
// Choosing the hyperparameters of a Gaussian process: the mode of their posterior density.

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp_model.h"

namespace attune::tune::internal {

// Minimises `objective` from each start (empty: from the prior means) and returns the best theta.
std::vector<double> fit_hyperparameters(MapObjective& objective,
                                        std::span<const std::vector<double>> starts = {});

}  // namespace attune::tune::internal
