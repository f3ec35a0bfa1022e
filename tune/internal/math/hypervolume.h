#pragma once
// How good a set of vectors of losses is as a whole: the volume of what it dominates.

#include <span>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {

// The volume of all that some point dominates and that dominates `reference`. Points that are not
// below it in all objectives add nothing. Exact: a sweep for two objectives, a sweep with a moving
// staircase for three (Beume et al., 2009), and beyond the recursion over exclusive volumes of
// While, Bradstreet and Barone, "A fast way of calculating exact hypervolumes" (2012).
double hypervolume(std::span<const Losses> points, const Losses& reference);

// Per point what would be lost without it. Equal points: nothing each.
std::vector<double> hypervolume_contributions(std::span<const Losses> points,
                                              const Losses& reference);

}  // namespace attune::tune::internal
