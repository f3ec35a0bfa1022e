#include "attune/tune/samplers/internal/cma/restarts.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

constexpr double kSmallestStep = 1e-12;  // of a range
constexpr double kSameLoss = 1e-12;      // relative
constexpr double kLargestCondition = 0.99e14;
constexpr size_t kLargestPopulation = 1 << 16;

bool steps_are_tiny(const CmaDistribution& distribution, const CmaSpace& space) {
  bool any = false;
  for (size_t i = 0; i < distribution.dimensions(); ++i) {
    if (space.levels(i) > 0) continue;
    any = true;
    if (distribution.deviation(i) > kSmallestStep) return false;
  }
  return any;
}

}  // namespace

size_t generations_looked_at(size_t dimensions, size_t population) {
  return 10 + (30 * dimensions + population - 1) / population;
}

bool is_over(const CmaRun& run, const CmaDistribution& distribution, const CmaSpace& space,
             std::span<const double> best) {
  if (run.budget > 0 && run.trials >= run.budget) return true;
  if (steps_are_tiny(distribution, space)) return true;
  if (distribution.covariance().condition() > kLargestCondition) return true;
  if (best.size() < generations_looked_at(distribution.dimensions(), run.population)) return false;
  const auto [low, high] = std::minmax_element(best.begin(), best.end());
  return *low == *high || *high - *low <= kSameLoss * std::max(std::abs(*low), std::abs(*high));
}

CmaRun next_run(const CmaRun& run, CmaesOptions::Restarts restarts, size_t first_population,
                double first_sigma, Rng& rng) {
  CmaRun next = run;
  ++next.index;
  next.trials = next.budget = 0;
  (run.small ? next.small_trials : next.large_trials) += run.trials;
  next.large_runs += run.small ? 0 : 1;
  next.small = restarts == CmaesOptions::Restarts::bipop && next.small_trials < next.large_trials;
  next.sigma = first_sigma;
  const auto shift = static_cast<size_t>(std::min<int64_t>(next.large_runs, 16));
  const size_t large =
      std::min(first_population << shift, std::max(kLargestPopulation, first_population));
  next.population = large;
  if (next.small) {
    const double u = rng.uniform(), first = static_cast<double>(first_population);
    next.population =
        static_cast<size_t>(first * std::pow(0.5 * static_cast<double>(large) / first, u * u));
    next.population = std::max(next.population, first_population);
    next.sigma = first_sigma * std::pow(10.0, -2 * rng.uniform());
    next.budget = std::max<int64_t>(run.small ? run.budget : run.trials / 2, 1);
  }
  return next;
}

}  // namespace attune::tune::internal
