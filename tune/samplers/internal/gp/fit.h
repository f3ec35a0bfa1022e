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

// The posterior at several levels of noise, each with the other hyperparameters at their mode
// there, and how probable each level is (weights that sum to 1; levels of no account are left out)
// when none is preferred beforehand. Few values can often be explained by a rough function without
// noise as well as by a smooth one with much; an interval has to allow for both. After Rasmussen
// and Williams (2006), section 5.2: integration over hyperparameters, here over the one that
// matters.
struct WeightedProcess {
  double weight;
  GaussianProcess model;
};
std::vector<WeightedProcess> fit_at_noise_levels(std::shared_ptr<const Kernel> kernel,
                                                 Observations data, std::span<const double> ranks);

}  // namespace attune::tune::internal
