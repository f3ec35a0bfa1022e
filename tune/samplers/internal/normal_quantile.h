#pragma once

namespace attune::tune::internal {

// The z below which a standard normal number falls with probability p in (0, 1), to seven digits
// (Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988).
double normal_quantile(double p);

}  // namespace attune::tune::internal
