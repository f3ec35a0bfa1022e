#include "attune/tune/samplers/internal/gp/scalarization.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attune/tune/samplers/internal/gp/outcome_models.h"

namespace attune::tune::internal {

std::vector<double> random_weights(size_t count, Rng& rng) {
  std::vector<double> weights(count);
  for (double& w : weights) w = -std::log1p(-rng.uniform());
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w = sum > 0 ? w / sum : 1 / static_cast<double>(count);
  return weights;
}

std::vector<double> chebyshev(const std::vector<Losses>& losses, const std::vector<size_t>& front,
                              const std::vector<double>& weights) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(), kAugmentation = 0.05;
  std::vector<double> largest(losses.size(), -kInfinity), sums(losses.size(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    std::vector<double> column;
    for (const Losses& one : losses) column.push_back(one[i]);
    column = believable(std::move(column), front);
    double low = kInfinity, high = -kInfinity;
    for (const size_t k : front) low = std::min(low, column[k]), high = std::max(high, column[k]);
    const double extent = high > low ? high - low : 1;
    for (size_t k = 0; k < losses.size(); ++k) {
      const double part = weights[i] * (column[k] - low) / extent;
      largest[k] = std::max(largest[k], part);
      sums[k] += kAugmentation * part;
    }
  }
  for (size_t k = 0; k < losses.size(); ++k) largest[k] += sums[k];
  return largest;
}

}  // namespace attune::tune::internal
