#pragma once
// How much room a point of a front has around it.

#include <span>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {

// Per point the sum over the objectives of the distance between its two neighbours, in units of the
// front's extent; infinite for the ends. Deb et al., "A fast and elitist multiobjective genetic
// algorithm: NSGA-II" (2002). Of points that are equal all but one have a neighbour at no distance.
// Infinite losses: a gap to infinity, or across it, is infinite.
std::vector<double> crowding_distances(std::span<const Losses> front);

}  // namespace attune::tune::internal
