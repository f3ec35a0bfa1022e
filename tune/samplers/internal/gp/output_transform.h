#pragma once
// Bringing losses into a shape that a Gaussian process can believe in. Each takes finite losses of
// any size (1e300 too) and returns as many numbers in the same order, lower still better.

#include <span>
#include <vector>

namespace attune::tune::internal {

// To mean 0 and (population) deviation 1; all 0 where the losses hardly differ.
std::vector<double> standardize(std::span<const double> losses);

// Brings everything above median + factor * (median - minimum) down to there: how bad a bad trial
// was tells little about where good ones are. Where the median is the minimum, the next loss above
// it stands in for the median.
std::vector<double> winsorize(std::span<const double> losses, double factor);

// The power transform of Yeo and Johnson, "A new family of power transformations to improve
// normality or symmetry" (2000), its exponent from [-1, 1] by maximum likelihood on the
// standardised losses. Then standardised again.
std::vector<double> yeo_johnson(std::span<const double> losses);

double median(std::span<const double> values);

}  // namespace attune::tune::internal
