#pragma once
// CMA-ES with margin (Hamano, Saito, Nomura and Shirakawa, "CMA-ES with margin: lower-bounding
// marginal probability for mixed-integer black-box optimization", 2022): an integer whose
// distribution has shrunk into one of its values would never change again, so its neighbours keep a
// probability.

#include "attune/tune/samplers/internal/cma/distribution.h"
#include "attune/tune/samplers/internal/cma/space.h"

namespace attune::tune::internal {

// Moves and widens the distribution of each counted number so that a sample's value is below the
// mean's with a probability of at least alpha / 2, and above likewise; where the mean's value is
// the lowest or highest one, it is another one with at least alpha.
void keep_margin(CmaDistribution& distribution, const CmaSpace& space, double alpha);

}  // namespace attune::tune::internal
