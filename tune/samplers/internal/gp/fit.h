#pragma once
// Choosing the hyperparameters of a Gaussian process: the mode of their posterior density.

#include <memory>
#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/model.h"

namespace attune::tune::internal {

inline constexpr size_t kFitLimit = 150;  // observations that choose hyperparameters

// The posterior given all data, with the hyperparameters that suit those which are representative
// by `ranks` (one for each; low is good).
GaussianProcess fit_gaussian_process(std::shared_ptr<const Kernel> kernel, Observations data,
                                     std::span<const double> ranks);

// Minimises `objective` from each start (empty: from the prior means) and returns the best theta.
std::vector<double> fit_hyperparameters(MapObjective& objective,
                                        std::span<const std::vector<double>> starts = {});

}  // namespace attune::tune::internal
