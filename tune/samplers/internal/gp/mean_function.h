#pragma once
// What a Gaussian process expects where no data is near: a level and a bowl around the middle of
// the space, fitted with the rest. Ranges are mostly chosen so that what is good lies inside; with
// a level alone the uncertain corners look best, and a search spends its first trials there. After
// the quadratic prior mean of Snoek et al., "Scalable Bayesian optimization using deep neural
// networks" (2015). Its curvature may come out zero or negative: the data decide.

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/kernel.h"

namespace attune::tune::internal {

// A normal prior on the bowl's weight, in deviations of the data. No deviation: no bowl.
struct BowlPrior {
  double mean = 0, deviation = 0;
};

// The bowl's height: the squared distance from the middle in numeric, active coordinates, scaled
// to mean 0 and deviation 1 over a box. And its derivative by one such coordinate.
double bowl(const Point& x, const std::vector<bool>& categorical);
double bowl_slope(double u, size_t dims);

struct MeanFunction {
  double level = 0, bowl = 0;  // weights

  // Generalised least squares with priors level ~ N(0, 1) and bowl ~ `prior` (Rasmussen and
  // Williams, 2006, section 2.7). `to`: the columns times the inverse covariance matrix K^-1. Where
  // columns times K^-1/2 are at hand, they serve as both.
  struct Columns {
    std::span<const double> level, bowl, values;
  };
  static MeanFunction fit(const Columns& plain, const Columns& to, const BowlPrior& prior);

  // -log of the priors' density at these weights, constants left out.
  double penalty(const BowlPrior& prior) const;
};

}  // namespace attune::tune::internal
