#pragma once
// How a child's parameter comes from its parents', on the unit interval.

#include "attune/base/rng.h"

namespace attune::tune::internal {

// One of the two.
double either(double a, double b, Rng& rng);

// Simulated binary crossover, with bounds: half of the time one of the two children it makes, which
// lie around the parents, the nearer the higher `index` is; else one of the parents. Deb and
// Agrawal, "Simulated binary crossover for continuous search space" (1995).
double crossed(double a, double b, double index, Rng& rng);

// Polynomial mutation, with bounds: a step of any size, mostly small where `index` is high. Deb and
// Goyal, "A combined genetic adaptive search for engineering design" (1996).
double mutated(double u, double index, Rng& rng);

}  // namespace attune::tune::internal
