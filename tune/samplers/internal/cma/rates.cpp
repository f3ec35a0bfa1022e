#include "attune/tune/samplers/internal/cma/rates.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

double square(double x) { return x * x; }

// (sum w)^2 / sum w^2 over ranks [from, to)
double effective_count(const std::vector<double>& w, size_t from, size_t to) {
  double sum = 0, squares = 0;
  for (size_t i = from; i < to; ++i) sum += w[i], squares += square(w[i]);
  return squares > 0 ? square(sum) / squares : 0;
}

}  // namespace

size_t default_population(size_t dimensions) {
  const double n = static_cast<double>(std::max<size_t>(dimensions, 1));
  return 4 + static_cast<size_t>(3 * std::log(n));
}

CmaRates cma_rates(size_t dimensions, size_t population, bool diagonal) {
  const double n = static_cast<double>(std::max<size_t>(dimensions, 1));
  const size_t parents = population / 2;
  CmaRates r{.dimensions = dimensions, .population = population};
  for (size_t i = 1; i <= population; ++i) {
    r.weights.push_back(std::log((static_cast<double>(population) + 1) / 2) -
                        std::log(static_cast<double>(i)));
  }
  const double effective = effective_count(r.weights, 0, parents);
  const double effective_worse = effective_count(r.weights, parents, population);
  r.effective = effective;

  r.path_sigma = (effective + 2) / (n + effective + 5);
  r.damping = 1 + 2 * std::max(0.0, std::sqrt((effective - 1) / (n + 1)) - 1) + r.path_sigma;
  r.path = (4 + effective / n) / (n + 4 + 2 * effective / n);
  const double faster = diagonal ? (n + 2) / 3 : 1;
  r.rank_one = std::min(0.5, faster * 2 / (square(n + 1.3) + effective));
  r.rank_mu = std::min(1 - r.rank_one - 1e-8,
                       faster * 2 * (effective - 2 + 1 / effective) / (square(n + 2) + effective));
  r.expected_norm = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));

  double better_sum = 0, worse_sum = 0;
  for (const double w : r.weights) (w > 0 ? better_sum : worse_sum) += std::abs(w);
  const double worse_total =
      r.rank_mu > 0
          ? std::min({1 + r.rank_one / r.rank_mu, 1 + 2 * effective_worse / (effective + 2),
                      (1 - r.rank_one - r.rank_mu) / (n * r.rank_mu)})
          : 0;
  for (double& w : r.weights) w *= w > 0 ? 1 / better_sum : worse_total / worse_sum;
  return r;
}

}  // namespace attune::tune::internal
