#pragma once
// What CMA-ES searches with: a normal distribution over the unit cube, which each generation moves
// towards the better of its points (Hansen, "The CMA evolution strategy: a tutorial", 2016, with
// the negative weights of its section 3.2.3).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/cma/covariance.h"
#include "attune/tune/samplers/internal/cma/learning_rate.h"
#include "attune/tune/samplers/internal/cma/rates.h"

namespace attune::tune::internal {

// One point of a generation, which is ranked best first.
struct CmaRanked {
  std::span<const double> x;
  bool foreign = false;  // not drawn from this distribution: its step is cut to a likely length
  bool tied = false;     // as good as the one before
};

class CmaDistribution {
 public:
  // The mean in the unit cube; sigma: the deviation in each coordinate.
  CmaDistribution(std::shared_ptr<const CmaRates> rates, std::vector<double> mean, double sigma,
                  bool diagonal, bool adapt_learning_rate);

  size_t dimensions() const { return mean_.size(); }
  const CmaRates& rates() const { return *rates_; }
  const std::vector<double>& mean() const { return mean_; }
  double sigma() const { return sigma_; }
  const CmaCovariance& covariance() const { return covariance_; }
  double deviation(size_t i) const;  // of coordinate i: sigma, covariance and scale

  // In the unit cube: what falls outside is drawn again, at last cut off. normals [dimensions]: the
  // first draw, in place of what `rng` would give; or empty.
  std::vector<double> sample(std::vector<double> normals, Rng& rng) const;

  void update(std::span<const CmaRanked> ranked);

  // Another mean and deviation of one coordinate, the correlations as they are.
  void set_marginal(size_t i, double mean, double deviation);

 private:
  std::vector<double> step_to(std::span<const double> x) const;  // in units of sigma and scale

  std::shared_ptr<const CmaRates> rates_;
  std::vector<double> mean_, scale_;  // scale: what keeps a margin for integers; else 1
  double sigma_;
  CmaCovariance covariance_;
  std::vector<double> path_sigma_, path_;
  int64_t generation_ = 0;
  std::optional<CmaLearningRate> learning_rate_;
};

// The weights of ranks, those of tied ones averaged.
std::vector<double> weights_of(std::span<const double> by_rank, std::span<const CmaRanked> ranked);

}  // namespace attune::tune::internal
