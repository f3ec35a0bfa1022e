#pragma once
// What Param::prior() says, as a change of variable: a place in the range (the unit that a value
// would have without a prior) goes to the share of the prior that lies below it, and back. The
// quantiles are what samplers see, so that each of them heeds the prior without knowing of it.

#include <string>
#include <vector>

#include "attune/tune/param.h"

namespace attune::tune::internal {

inline bool has_prior(const Param& p) { return p.normal || !p.weights.empty(); }

// Both in [0, 1], increasing, and each other's inverse. For parameters that have a prior.
double unit_of(const Param& p, double place);
double place_of(const Param& p, double unit);

double likeliest(const Param& p);  // a value

// The normal's density at each of the grid's values, as weights.
std::vector<double> normal_weights(const Param& p);

std::string prior_flaw(const Param& p);  // what is wrong with it; empty: nothing, or no prior

}  // namespace attune::tune::internal
