#pragma once
// Several objectives as one: Knowles, "ParEGO: a hybrid algorithm with on-line landscape
// approximation for expensive multiobjective optimization problems" (2006).

#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {

// Weights from an even spread over all that are positive and sum up to 1.
std::vector<double> random_weights(size_t count, Rng& rng);

// Per point the largest of its weighted losses, and a bit of their sum (the augmented Chebyshev
// norm), in units of the front's extent from the front's lowest losses.
std::vector<double> chebyshev(const std::vector<Losses>& losses, const std::vector<size_t>& front,
                              const std::vector<double>& weights);

}  // namespace attune::tune::internal
