#pragma once
// The standard normal distribution.

namespace attune::tune::internal {

// The number that a standard normal is below with probability p, to 1e-7 of itself: Wichura,
// "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND7. Minus and
// plus infinity for 0 and 1.
double normal_quantile(double p);

}  // namespace attune::tune::internal
