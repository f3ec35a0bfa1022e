#pragma once
// CMA-ES's weights and learning rates (Hansen, "The CMA evolution strategy: a tutorial", 2016,
// table 1), functions of how many parameters and how large a population there are.

#include <cstddef>
#include <vector>

namespace attune::tune::internal {

struct CmaRates {
  size_t dimensions = 0, population = 0;
  std::vector<double> weights = {};    // by rank, best first: the better half's sum to 1, the worse
                                       // half's are 0 or below ("active" CMA-ES)
  double effective = 1;                // mu_eff: how many equal weights would average as well
  double path_sigma = 0, damping = 1;  // c_sigma, d_sigma
  double path = 0, rank_one = 0, rank_mu = 0;  // c_c, c_1, c_mu
  double expected_norm = 1;                    // of a standard normal vector
};

// `diagonal`: of a covariance without correlations, which is learnt (n + 2) / 3 times as fast (Ros
// and Hansen, "A simple modification in CMA-ES achieving linear time and space complexity", 2008).
CmaRates cma_rates(size_t dimensions, size_t population, bool diagonal);

// 4 + 3 ln n
size_t default_population(size_t dimensions);

}  // namespace attune::tune::internal
